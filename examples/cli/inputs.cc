/// From the arguments to inputs.
#include "inputs.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <fstream>
#include <utility>

#include "options.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view camera_prefix = "camera:";

/// The folder's own name, of "photos/", "." and ".." too.
fs::path own_name(const fs::path& folder) { return (fs::absolute(folder) / "").lexically_normal().parent_path().filename(); }

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Input problem(const fs::path& path, const std::string& what) {
  return {.path = path, .name = path.filename(), .kind = InputKind::image, .camera = 0, .problem = what};
}

Input file_input(const fs::path& path, const fs::path& name) {
  const bool video = posekit::media_kind(path) == posekit::MediaKind::video;
  return {.path = path, .name = name, .kind = video ? InputKind::video : InputKind::image, .camera = 0, .problem = {}};
}

/// The next line of a list that is not empty, without its line break.
std::optional<std::string> next_line(std::istream& list) {
  for (std::string line; std::getline(list, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) return line;
  }
  return std::nullopt;
}

UsageError unreadable(const std::string& list) {
  return UsageError(fmt::format("the list \"{}\" can't be read: a text file with one path per line is expected", list));
}

/// What the arguments name: folders as they are, everything else as inputs; lists are read line by line.
class Sources {
 public:
  struct Source {
    bool is_folder = false;
    Input input;  ///< Of a folder only the path.
  };

  explicit Sources(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

  std::optional<Source> next() {
    while (true) {
      if (!found_.empty()) {
        Source source = std::move(found_.front());
        found_.pop_front();
        return source;
      }
      if (list_.is_open()) {
        if (const auto line = next_line(list_)) {
          add(*line);
          continue;
        }
      }
      list_.close();
      if (argument_ == arguments_.size()) return std::nullopt;
      const std::string& argument = arguments_[argument_++];
      if (argument.starts_with('@')) {
        open_list(argument.substr(1));
      } else {
        add(argument);
      }
    }
  }

 private:
  void open_list(const std::string& file) {
    std::error_code ignored;
    list_.clear();
    if (!fs::is_directory(file, ignored)) list_.open(file);
    if (!list_.is_open()) throw unreadable(file);
  }

  /// A file, a folder, a pattern or a camera.
  void add(const std::string& path) {
    std::error_code ignored;
    if (path.starts_with(camera_prefix) && !fs::exists(path, ignored)) {
      const auto index = number<int>(std::string_view(path).substr(camera_prefix.size()));
      Input camera = problem(path, fmt::format("\"{}\" is not a camera: a number is expected, for example camera:0", path));
      if (index && *index >= 0) {
        camera = {.path = path, .name = fmt::format("camera-{}", *index), .kind = InputKind::camera, .camera = *index, .problem = {}};
      }
      found_.push_back({.is_folder = false, .input = std::move(camera)});
    } else if (!fs::exists(path, ignored) && path.find_first_of("*?[") != std::string::npos) {
      add_glob(path);
    } else {
      add_path(path);
    }
  }

  void add_path(const fs::path& path) {
    std::error_code ignored;
    const bool is_folder = fs::is_directory(path, ignored);
    found_.push_back({.is_folder = is_folder, .input = file_input(path, is_folder ? fs::path() : path.filename())});
  }

  void add_glob(const std::string& pattern) {
    glob_t found{};
    const int status = glob(pattern.c_str(), 0, nullptr, &found);
    for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i) add_path(found.gl_pathv[i]);
    globfree(&found);
    if (status != 0) found_.push_back({.is_folder = false, .input = problem(pattern, "matches no file: check the pattern")});
  }

  std::vector<std::string> arguments_;
  std::size_t argument_ = 0;
  std::ifstream list_;
  std::deque<Source> found_;
};

}  // namespace

class InputList::Impl {
 public:
  Impl(const std::vector<std::string>& arguments, fs::path output, posekit::Shard shard)
      : sources_(arguments), output_(std::move(output)), shard_(shard) {
    // What a folder's images are called depends on whether there are other folders.
    std::size_t sources = 0;
    for (Sources all(arguments); auto source = all.next();) {
      ++sources;
      if (!source->is_folder) continue;
      if (++folders_ == 1) first_folder_ = source->input.path;
      if (folders_ > 1) break;
    }
    is_only_folder_ = folders_ == 1 && sources == 1;
  }

  std::optional<fs::path> only_folder() const { return is_only_folder_ ? std::optional(first_folder_) : std::nullopt; }

  std::optional<Input> next() {
    while (true) {
      if (listing_) {
        if (auto file = listing_->next()) return input_of(*std::move(file));
        listing_.reset();
      }
      auto source = sources_.next();
      if (!source) return std::nullopt;
      if (source->is_folder) {
        prefix_ = folders_ > 1 ? own_name(source->input.path) : fs::path();
        listing_.emplace(source->input.path, posekit::ListingOptions{.shard = shard_, .output = output_});
      } else if (!source->input.problem.empty() || shard_.contains(source->input.name.generic_string())) {
        return std::move(source->input);
      }
    }
  }

 private:
  Input input_of(posekit::ListedFile file) const {
    if (!file.problem.empty()) return problem(file.path, fmt::format("can't be listed ({}): check its permissions", file.problem));
    return file_input(file.path, prefix_ / file.name);
  }

  Sources sources_;
  fs::path output_;
  posekit::Shard shard_;
  std::size_t folders_ = 0;
  fs::path first_folder_;
  bool is_only_folder_ = false;
  fs::path prefix_;
  std::optional<posekit::FolderListing> listing_;
};

std::vector<std::string> with_lists_read(const std::vector<std::string>& arguments) {
  std::vector<std::string> read;
  for (const std::string& argument : arguments) {
    std::error_code ignored;
    const std::string file = argument.substr(std::min<std::size_t>(1, argument.size()));
    const bool once =
        argument.starts_with('@') && fs::exists(file, ignored) && !fs::is_regular_file(file, ignored) && !fs::is_directory(file, ignored);
    if (!once) {
      read.push_back(argument);
      continue;
    }
    std::ifstream list(file);
    if (!list.is_open()) throw unreadable(file);
    while (const auto line = next_line(list)) read.push_back(line->starts_with('@') ? "./" + *line : *line);
  }
  return read;
}

InputList::InputList(const std::vector<std::string>& arguments, const fs::path& output, posekit::Shard shard)
    : impl_(std::make_unique<Impl>(arguments, output, shard)) {}
InputList::InputList(InputList&&) noexcept = default;
InputList& InputList::operator=(InputList&&) noexcept = default;
InputList::~InputList() = default;

std::optional<Input> InputList::next() { return impl_->next(); }
std::optional<fs::path> InputList::only_folder() const { return impl_->only_folder(); }

posekit::Shard parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto index = number<std::size_t>(std::string_view(text).substr(0, slash));
  const auto count = slash == std::string::npos ? std::nullopt : number<std::size_t>(std::string_view(text).substr(slash + 1));
  if (!index || !count || *index >= *count)
    throw UsageError(fmt::format("--shard \"{}\" was given, i/n with 0 <= i < n is expected, for example 0/3, 1/3 and 2/3", text));
  return {.index = *index, .count = *count};
}

}  // namespace cli
