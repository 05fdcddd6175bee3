/// A folder of its own in which a test runs the program.
#include "workplace.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "posekit/image_io.h"
#include "support/message_form.h"
#include "support/model_builder.h"

namespace posekit_test {

namespace fs = std::filesystem;

const std::string two_keypoints =
    R"({"name": "pair", "keypoints": [{"name": "head", "swap": 0}, {"name": "tail", "swap": 1}], "links": [[0, 1]]})";

std::string program() { return POSEKIT_PROGRAM; }

Workplace::Workplace() = default;

ProcessResult Workplace::command(const std::vector<std::string>& words, ProcessOptions options) const {
  if (options.directory.empty()) options.directory = folder();
  return run_process(words, options);
}

ProcessResult Workplace::run(std::vector<std::string> arguments, ProcessOptions options) const {
  arguments.insert(arguments.begin(), program());
  return command(arguments, std::move(options));
}

std::string Workplace::model(const std::string& name, const std::string& x, const std::string& keypoints) const {
  save_script_model(path(name), R"(
def forward(self, x):
    return torch.tensor([[[)" + x + R"(, 0.5, 0.9], [0.5, 0.5, 0.8]]]).expand(x.size(0), 2, 3).contiguous()
)",
                    pose_metadata("regression", 32, 32, 0, 0, keypoints, R"("normalized": true)", R"("box_padding": 1.0)"));
  return name;
}

ProcessResult Workplace::estimate(std::vector<std::string> arguments, ProcessOptions options) const {
  if (!has("model.pt")) model("model.pt");
  arguments.insert(arguments.begin(), {"estimate", "-m", "model.pt", "--torch-threads", "1", "--threads", "1"});
  return run(std::move(arguments), std::move(options));
}

std::string Workplace::image(const std::string& name, int width, int height) const {
  posekit::Image image{std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3), width, height,
                       posekit::PixelFormat::bgr8};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 7);
  fs::create_directories(path(name).parent_path());
  posekit::write_image(path(name), image.view());
  return name;
}

std::string Workplace::text(const std::string& name, const std::string& content) const {
  fs::create_directories(path(name).parent_path());
  std::ofstream file(path(name), std::ios::binary);
  file << content;
  if (!file.flush()) throw std::runtime_error("can't write " + path(name).string());
  return name;
}

std::string Workplace::read(const std::string& name) const {
  std::ifstream file(path(name), std::ios::binary);
  if (!file) throw std::runtime_error("can't read " + path(name).string());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> Workplace::files(const std::string& below) const {
  std::vector<std::string> names;
  if (!has(below)) return names;
  for (const auto& entry : fs::recursive_directory_iterator(path(below))) {
    if (!entry.is_directory()) names.push_back(entry.path().lexically_relative(path(below)).generic_string());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) result.push_back(line);
  return result;
}

nlohmann::json report_rows(const std::string& page) {
  const std::string begin = R"(<script type="application/json" id="data">)";
  const std::size_t rows = page.find(begin) + begin.size();
  return nlohmann::json::parse(page.substr(rows, page.find("</script>", rows) - rows));
}

void check_error(const std::string& err, const std::string& thing, const std::string& value) {
  const std::vector<std::string> all = lines(err);
  const auto found = std::ranges::find_if(
      all, [&](const std::string& line) { return line.starts_with("posekit: ") && line.find(thing) != std::string::npos; });
  check_message_form(found == all.end() ? "" : *found, thing, value);
}

}  // namespace posekit_test
