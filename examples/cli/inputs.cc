/// From the arguments to inputs.
#include "inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glob.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <fstream>
#include <functional>
#include <utility>

#include "messages.h"
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

Input file_input(const fs::path& path, const fs::path& name, posekit::MediaKind kind) {
  const bool video = kind == posekit::MediaKind::video;
  return {.path = path, .name = name, .kind = video ? InputKind::video : InputKind::image, .camera = 0, .problem = {}};
}

/// A file that is named is what its first bytes say, whatever its extension.
posekit::MediaKind kind_of_named(const fs::path& path) {
  const posekit::MediaKind content = posekit::media_kind_of_content(path);
  return content == posekit::MediaKind::other ? posekit::media_kind(path) : content;
}

UsageError unreadable(const std::string& list) {
  return UsageError(fmt::format("the list \"{}\" can't be read: a text file with one path per line is expected", list));
}

/// A text file with a path in each line.
class PathList {
 public:
  /// @throws UsageError
  explicit PathList(const std::string& file) : name_(file) {
    std::error_code ignored;
    if (!fs::is_directory(file, ignored)) stream_.open(file);
    if (!stream_.is_open()) throw unreadable(file);
  }

  /// The next line that is not empty, without its line break. @throws UsageError
  std::optional<std::string> next() {
    for (std::string line; std::getline(stream_, line);) {
      if (std::exchange(at_begin_, false)) {
        constexpr std::string_view mark = "\xEF\xBB\xBF";
        if (line.starts_with(mark)) line.erase(0, mark.size());
        if (line.starts_with("\xFF\xFE") || line.starts_with("\xFE\xFF"))
          throw UsageError(fmt::format("the list \"{}\" is in UTF-16, UTF-8 is expected: write it as UTF-8", name_));
      }
      if (line.ends_with('\r')) line.pop_back();
      if (line.find('\0') != std::string::npos)
        throw UsageError(fmt::format("the list \"{}\" has zero bytes, text with one path per line is expected: write it as UTF-8", name_));
      if (!line.empty()) return line;
    }
    return std::nullopt;
  }

 private:
  std::string name_;
  std::ifstream stream_;
  bool at_begin_ = true;
};

/// What the arguments name: folders as they are, everything else as inputs; lists are read line by line.
class Sources {
 public:
  enum class Kind {
    ready,  ///< A camera, or what can't be worked on: the input as it is.
    file,   ///< What kind of a file is not known yet.
    folder,
    result,  ///< What posekit wrote.
    empty    ///< A list without lines.
  };
  struct Source {
    Kind kind = Kind::ready;
    Input input;  ///< Unless it is ready: path and name.
  };

  explicit Sources(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

  std::optional<Source> next() {
    while (true) {
      if (!found_.empty()) {
        Source source = std::move(found_.front());
        found_.pop_front();
        return source;
      }
      if (list_) {
        if (const auto line = list_->next()) {
          list_had_lines_ = true;
          add(*line);
          continue;
        }
        list_.reset();
        if (!list_had_lines_) return Source{Kind::empty, problem(list_name_, "")};
        continue;
      }
      if (argument_ == arguments_.size()) return std::nullopt;
      const std::string& argument = arguments_[argument_++];
      if (is_list(argument)) {
        list_.emplace(argument.substr(1));
        list_name_ = argument;
        list_had_lines_ = false;
      } else {
        add(argument);
      }
    }
  }

 private:
  /// A file, a folder, a pattern or a camera.
  void add(const std::string& path) {
    std::error_code ignored;
    if (path.starts_with(camera_prefix) && !fs::exists(path, ignored)) {
      const auto index = number<int>(std::string_view(path).substr(camera_prefix.size()));
      if (index && *index >= 0) {
        found_.push_back(
            {Kind::ready,
             {.path = path, .name = fmt::format("camera-{}", *index), .kind = InputKind::camera, .camera = *index, .problem = {}}});
      } else {
        add_problem(path, fmt::format("\"{}\" is not a camera: a number is expected, for example camera:0", path));
      }
    } else if (!fs::exists(path, ignored) && path.find_first_of("*?[") != std::string::npos) {
      add_glob(path);
    } else {
      add_path(path);
    }
  }

  void add_path(const fs::path& path) {
    std::error_code ignored;
    const bool is_folder = fs::is_directory(path, ignored);
    const bool is_result = fs::exists(path, ignored) && posekit::is_result_file(path);
    found_.push_back({is_folder   ? Kind::folder
                      : is_result ? Kind::result
                                  : Kind::file,
                      file_input(path, is_folder ? fs::path() : path.filename(), posekit::MediaKind::other)});
  }

  void add_problem(const std::string& path, const std::string& what) { found_.push_back({Kind::ready, problem(path, what)}); }

  void add_glob(const std::string& pattern) {
    if (pattern.find("**") != std::string::npos)
      return add_problem(pattern, "has **, which is not known: name the folder, which is searched to its depth");
    glob_t found{};
    const int status = glob(pattern.c_str(), 0, nullptr, &found);
    for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i) add_path(found.gl_pathv[i]);
    globfree(&found);
    if (status != 0) add_problem(pattern, "matches no file: check the pattern");
  }

  std::vector<std::string> arguments_;
  std::size_t argument_ = 0;
  std::optional<PathList> list_;
  std::string list_name_;
  bool list_had_lines_ = false;
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
      if (source->kind != Sources::Kind::folder) continue;
      if (++folders_ == 1) first_folder_ = source->input.path;
      if (folders_ > 1) break;
    }
    is_only_folder_ = folders_ == 1 && sources == 1;
  }

  std::optional<fs::path> only_folder() const { return is_only_folder_ ? std::optional(first_folder_) : std::nullopt; }

  const posekit::LeftOut& left_out() const { return left_out_; }

  std::optional<Input> next() {
    while (true) {
      if (listing_) {
        if (auto file = listing_->next()) return input_of(*std::move(file));
        left_out_ += listing_->left_out();
        if (!listing_->has_files()) empty_.push_back(folder_);
        listing_.reset();
      }
      auto source = sources_.next();
      if (!source) return std::nullopt;
      Input& input = source->input;
      switch (source->kind) {
        case Sources::Kind::folder:
          folder_ = input.path.string();
          prefix_ = folders_ > 1 ? own_name(input.path) : fs::path();
          listing_.emplace(input.path, posekit::ListingOptions{.shard = shard_, .output = output_});
          break;
        case Sources::Kind::ready:
          if (!input.problem.empty() || is_in_shard(input)) return std::move(input);
          break;
        case Sources::Kind::result: left_out_.results += is_in_shard(input) ? 1 : 0; break;
        case Sources::Kind::empty: empty_.push_back(input.path.string()); break;
        case Sources::Kind::file:
          if (is_in_shard(input)) return file_input(input.path, input.name, kind_of_named(input.path));
          break;
      }
    }
  }

  const std::vector<std::string>& empty() const { return empty_; }

 private:
  bool is_in_shard(const Input& input) const { return shard_.contains(input.name.generic_string()); }

  Input input_of(posekit::ListedFile file) const {
    if (!file.problem.empty()) return problem(file.path, fmt::format("can't be listed ({}): check its permissions", file.problem));
    return file_input(file.path, prefix_ / file.name, file.kind);
  }

  Sources sources_;
  fs::path output_;
  posekit::Shard shard_;
  std::size_t folders_ = 0;
  fs::path first_folder_;
  bool is_only_folder_ = false;
  fs::path prefix_;
  std::optional<posekit::FolderListing> listing_;
  std::string folder_;  ///< That is listed.
  posekit::LeftOut left_out_;
  std::vector<std::string> empty_;
};

bool is_list(const std::string& argument) {
  std::error_code ignored;
  return argument.starts_with('@') && (fs::exists(argument.substr(1), ignored) || !fs::exists(argument, ignored));
}

std::vector<std::string> with_lists_read(const std::vector<std::string>& arguments) {
  std::vector<std::string> read;
  for (const std::string& argument : arguments) {
    std::error_code ignored;
    const std::string file = argument.substr(std::min<std::size_t>(1, argument.size()));
    const bool once =
        is_list(argument) && fs::exists(file, ignored) && !fs::is_regular_file(file, ignored) && !fs::is_directory(file, ignored);
    if (!once) {
      read.push_back(argument);
      continue;
    }
    PathList list(file);
    while (const auto line = list.next()) read.push_back(line->starts_with('@') ? "./" + *line : *line);
  }
  return read;
}

InputList::InputList(const std::vector<std::string>& arguments, const fs::path& output, posekit::Shard shard)
    : impl_(std::make_unique<Impl>(arguments, output, shard)) {}
InputList::InputList(InputList&&) noexcept = default;
InputList& InputList::operator=(InputList&&) noexcept = default;
InputList::~InputList() = default;

std::optional<Input> InputList::next() { return impl_->next(); }
const posekit::LeftOut& InputList::left_out() const { return impl_->left_out(); }
const std::vector<std::string>& InputList::empty() const { return impl_->empty(); }
std::optional<fs::path> InputList::only_folder() const { return impl_->only_folder(); }

std::string text_of(const posekit::LeftOut& left_out) {
  constexpr std::size_t most_kinds = 8;
  std::vector<std::pair<std::size_t, std::string>> kinds;
  for (const auto& [extension, count] : left_out.kinds) kinds.emplace_back(count, extension);
  std::ranges::stable_sort(kinds, std::greater(), &std::pair<std::size_t, std::string>::first);
  std::vector<std::string> parts;
  std::size_t other = 0;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto& [count, extension] = kinds[i];
    if (i < most_kinds) parts.push_back(fmt::format("{} {}", count, extension.empty() ? "without extension" : extension));
    if (i >= most_kinds) other += count;
  }
  if (other > 0) parts.push_back(counted(other, "file of another kind", "files of other kinds"));
  if (left_out.hidden > 0) parts.push_back(counted(left_out.hidden, "hidden name", "hidden names"));
  if (left_out.linked_folders > 0) parts.push_back(counted(left_out.linked_folders, "linked folder", "linked folders"));
  if (left_out.results > 0) parts.push_back(counted(left_out.results, "result of posekit", "results of posekit"));
  if (left_out.special > 0) parts.push_back(counted(left_out.special, "pipe or device", "pipes and devices"));
  if (parts.empty()) return {};
  std::vector<std::string> remedies;
  if (!kinds.empty()) remedies.emplace_back("convert pictures and videos of other kinds to JPEG, PNG or MP4");
  if (left_out.hidden > 0) remedies.emplace_back("name hidden folders and files as inputs");
  if (left_out.linked_folders > 0) remedies.emplace_back("links to folders above, or that are searched anyway, are not followed");
  return fmt::format("left out: {}{}{}", fmt::join(parts, ", "), remedies.empty() ? "" : ": ", fmt::join(remedies, "; "));
}

posekit::Shard parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto index = number<std::size_t>(std::string_view(text).substr(0, slash));
  const auto count = slash == std::string::npos ? std::nullopt : number<std::size_t>(std::string_view(text).substr(slash + 1));
  if (!index || !count || *index >= *count)
    throw UsageError(fmt::format("--shard \"{}\" was given, i/n with 0 <= i < n is expected, for example 0/3, 1/3 and 2/3", text));
  return {.index = *index, .count = *count};
}

}  // namespace cli
