/// From the arguments to a list of images.
#include "inputs.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
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

constexpr std::string_view drawing_suffix = ".pose.jpg";

/// The folder's own name, of "photos/", "." and ".." too.
fs::path own_name(const fs::path& folder) { return (fs::absolute(folder) / "").lexically_normal().parent_path().filename(); }

/// Gathers files and folders first: what a folder's images are called depends on how many folders there are.
class Collector {
 public:
  explicit Collector(const fs::path& output) {
    std::error_code ignored;
    output_ = output.empty() ? fs::path() : fs::weakly_canonical(output, ignored);
  }

  void add(const std::string& argument) {
    if (argument.starts_with('@')) {
      add_list(argument.substr(1));
    } else {
      add_path(argument);
    }
  }

  std::vector<Input> take() {
    std::vector<Input> sources = std::move(inputs_);
    inputs_.clear();
    std::error_code ignored;
    const auto is_folder = [&](const Input& source) { return source.problem.empty() && fs::is_directory(source.path, ignored); };
    const auto folders = std::ranges::count_if(sources, is_folder);
    for (Input& source : sources) {
      if (is_folder(source)) {
        add_folder(source.path, folders > 1 ? own_name(source.path) : fs::path());
      } else {
        inputs_.push_back(std::move(source));
      }
    }
    return std::move(inputs_);
  }

 private:
  void add_problem(const fs::path& path, const std::string& problem) { inputs_.push_back({path, path.filename(), problem}); }

  void add_file(const fs::path& path, const fs::path& name) {
    if (has_extension(path, video_extensions)) {
      add_problem(path, "video is not in this version: save its frames as images first");
    } else {
      inputs_.push_back({path, name, {}});
    }
  }

  /// A file, a folder, or a pattern.
  void add_path(const std::string& path) {
    std::error_code ignored;
    if (path.starts_with("camera:")) {
      add_problem(path, "cameras are not in this version: save frames as images first");
    } else if (fs::is_directory(path, ignored)) {
      inputs_.push_back({path, {}, {}});
    } else if (!fs::exists(path, ignored) && path.find_first_of("*?[") != std::string::npos) {
      add_glob(path);
    } else {
      add_file(path, fs::path(path).filename());
    }
  }

  void add_list(const std::string& file) {
    std::error_code ignored;
    std::ifstream list(file);
    if (!list || fs::is_directory(file, ignored))
      throw UsageError(fmt::format("the list \"{}\" can't be read: a text file with one path a line is expected", file));
    for (std::string line; std::getline(list, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) add_path(line);
    }
  }

  void add_glob(const std::string& pattern) {
    glob_t found{};
    const int status = glob(pattern.c_str(), 0, nullptr, &found);
    std::error_code ignored;
    for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i) {
      const fs::path path = found.gl_pathv[i];
      if (fs::is_directory(path, ignored)) {
        inputs_.push_back({path, {}, {}});
      } else {
        add_file(path, path.filename());
      }
    }
    globfree(&found);
    if (status != 0) add_problem(pattern, "matches no file");
  }

  void add_folder(const fs::path& folder, const fs::path& prefix) {
    std::vector<fs::path> found;
    walk(folder, {}, found);
    std::ranges::sort(found);
    if (is_output(folder)) {
      // An earlier run's drawings lie beside their images.
      const std::set<fs::path> names(found.begin(), found.end());
      std::erase_if(found, [&](const fs::path& name) {
        const std::string text = name.string();
        return text.ends_with(drawing_suffix) && names.contains(text.substr(0, text.size() - drawing_suffix.size()));
      });
    }
    for (const fs::path& name : found) add_file(folder / name, prefix / name);
  }

  /// The images below a folder, with their ways down. Linked folders are not entered: they may lead back up; what an earlier run wrote is
  /// no input.
  void walk(const fs::path& folder, const fs::path& way, std::vector<fs::path>& found) {
    std::error_code error;
    std::error_code ignored;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const fs::path name = entry->path().filename();
      const bool is_link = entry->is_symlink(ignored);
      if (entry->is_directory(ignored)) {
        if (!is_link && !is_output(entry->path())) walk(folder / name, way / name, found);
      } else if ((is_link || entry->is_regular_file(ignored)) &&
                 (has_extension(name, image_extensions) || has_extension(name, video_extensions))) {
        found.push_back(way / name);
      }
    }
    if (error) add_problem(folder, fmt::format("can't be listed ({})", error.message()));
  }

  bool is_output(const fs::path& folder) const {
    std::error_code ignored;
    return !output_.empty() && fs::weakly_canonical(folder, ignored) == output_;
  }

  fs::path output_;
  std::vector<Input> inputs_;
};

}  // namespace

std::vector<Input> collect_inputs(const std::vector<std::string>& arguments, const fs::path& output) {
  Collector collector(output);
  for (const std::string& argument : arguments) collector.add(argument);
  std::vector<Input> inputs = collector.take();
  if (inputs.empty()) throw UsageError("no image found in the inputs: name images, folders that hold some, globs or @lists");
  return inputs;
}

}  // namespace cli
