/// From the arguments to a list of images.
#include "inputs.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "options.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 8> image_extensions{".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".jp2"};
constexpr std::array<std::string_view, 8> video_extensions{".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"};

template <std::size_t Count>
bool has_extension(const fs::path& path, const std::array<std::string_view, Count>& extensions) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::ranges::find(extensions, extension) != extensions.end();
}

class Collector {
 public:
  explicit Collector(const std::vector<std::string>& arguments) {
    folders_ = std::ranges::count_if(arguments, [](const std::string& argument) {
      std::error_code ignored;
      return fs::is_directory(argument, ignored);
    });
  }

  void add(const std::string& argument) {
    std::error_code ignored;
    if (argument.starts_with("camera:")) {
      add_problem(argument, "cameras are not in this version: save frames as images first");
    } else if (argument.starts_with('@')) {
      add_list(argument.substr(1));
    } else if (fs::is_directory(argument, ignored)) {
      add_folder(argument);
    } else if (!fs::exists(argument, ignored) && argument.find_first_of("*?[") != std::string::npos) {
      add_glob(argument);
    } else {
      add_file(argument, fs::path(argument).filename());
    }
  }

  std::vector<Input> take() { return std::move(inputs_); }

 private:
  void add_problem(const std::string& argument, const std::string& problem) {
    inputs_.push_back({argument, fs::path(argument).filename(), problem});
  }

  void add_file(const fs::path& path, const fs::path& name) {
    if (has_extension(path, video_extensions)) {
      add_problem(path.string(), "video is not in this version: save its frames as images first");
    } else {
      inputs_.push_back({path, name, {}});
    }
  }

  void add_list(const std::string& file) {
    std::ifstream list(file);
    if (!list || fs::is_directory(file))
      throw UsageError(fmt::format("the list \"{}\" can't be read: a text file with one path a line is expected", file));
    for (std::string line; std::getline(list, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) add_file(line, fs::path(line).filename());
    }
  }

  void add_folder(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> found;
    for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end; !error && it != end;
         it.increment(error)) {
      if (it->is_regular_file(error) && (has_extension(it->path(), image_extensions) || has_extension(it->path(), video_extensions)))
        found.push_back(it->path());
    }
    if (error) return add_problem(folder.string(), fmt::format("can't be listed ({})", error.message()));
    std::ranges::sort(found);
    const fs::path own = folders_ > 1 ? fs::path((fs::absolute(folder) / "").lexically_normal().parent_path().filename()) : fs::path();
    for (const fs::path& path : found) add_file(path, own / path.lexically_relative(folder));
  }

  void add_glob(const std::string& pattern) {
    glob_t found{};
    const int status = glob(pattern.c_str(), 0, nullptr, &found);
    for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i) add_file(found.gl_pathv[i], fs::path(found.gl_pathv[i]).filename());
    globfree(&found);
    if (status != 0) add_problem(pattern, "matches no file");
  }

  std::ptrdiff_t folders_ = 0;
  std::vector<Input> inputs_;
};

}  // namespace

std::vector<Input> collect_inputs(const std::vector<std::string>& arguments) {
  Collector collector(arguments);
  for (const std::string& argument : arguments) collector.add(argument);
  std::vector<Input> inputs = collector.take();
  if (inputs.empty()) throw UsageError("no image found in the inputs: name images, folders that hold some, globs or @lists");
  return inputs;
}

}  // namespace cli
