/// Folders of images and videos, however large.
#include "posekit/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "io/encoding.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_names = 16384;

/// Folders that systems make beside people's files, in lower case: thumbnails, rubbish, snapshots, what a Mac adds to archives.
constexpr auto system_folders = std::to_array<std::string_view>({"@eadir", "@__thumb", "@tmp", "@recycle", "#recycle", "$recycle.bin",
                                                                 "recycler", "#snapshot", "~snapshot", "@recently-snapshot", "__macosx",
                                                                 "lost+found", "system volume information", "network trash folder"});

/// FNV-1a, then the finaliser of MurmurHash3, so that every bit of the name tells in every bit of the result.
std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

struct Entry {
  std::string name;
  bool is_folder = false;
  bool is_link = false;
  friend bool operator<(const Entry& a, const Entry& b) { return a.name < b.name; }
};

bool is_hidden(std::string_view name) {
  return name.starts_with('.') || std::ranges::find(system_folders, lower_case(std::string(name))) != system_folders.end();
}

bool is_within(const fs::path& path, const fs::path& folder) { return std::ranges::mismatch(folder, path).in1 == folder.end(); }

/// A folder on the way down: its next names, in order.
struct Level {
  fs::path way;  ///< Below the folder that is searched.
  std::vector<Entry> entries;
  std::size_t next = 0;
  bool complete = false;  ///< No names come after these.
  bool linked = false;    ///< Reached through a link.
};

}  // namespace

LeftOut& LeftOut::operator+=(const LeftOut& other) {
  for (const auto& [kind, count] : other.kinds) kinds[kind] += count;
  hidden += other.hidden;
  linked_folders += other.linked_folders;
  results += other.results;
  special += other.special;
  return *this;
}

bool is_result_file(const fs::path& file) {
  const std::string& name = file.native();
  const auto exists = [&](std::string_view stem, std::string_view suffix) {
    std::error_code ignored;
    return fs::is_regular_file(fs::path(stem).concat(suffix), ignored);
  };
  if (file.filename() == "index.html" && file.parent_path().filename() == "report") {
    std::error_code ignored;
    return fs::is_directory(file.parent_path() / "thumbnails", ignored);
  }
  for (const std::string_view suffix : {".pose.jpg", ".pose.mp4", ".jsonl", ".json"}) {
    if (!name.ends_with(suffix)) continue;
    const std::string_view original = std::string_view(name).substr(0, name.size() - suffix.size());
    if (media_kind(original) != MediaKind::other) return true;
    const bool is_drawing = suffix.starts_with(".pose");
    if (is_drawing && (exists(original, "") || exists(original, ".json") || exists(original, ".jsonl"))) return true;
  }
  const fs::path folder = file.parent_path().filename();
  return folder.extension() == ".crops" && media_kind(folder.stem()) != MediaKind::other && file.extension() == ".jpg";
}

bool Shard::contains(std::string_view name) const noexcept { return count <= 1 || hash_of(name) % count == index; }

class FolderListing::Impl {
 public:
  Impl(fs::path folder, ListingOptions options) : folder_(std::move(folder)), options_(std::move(options)) {
    if (options_.shard.index >= options_.shard.count) {
      throw Error(ErrorCode::invalid_argument, fmt::format("shard {} of {} was given, an index below the count is expected",
                                                           options_.shard.index, options_.shard.count));
    }
    std::error_code ignored;
    if (!options_.output.empty()) output_ = fs::weakly_canonical(options_.output, ignored);
    root_ = fs::weakly_canonical(folder_, ignored);
    levels_.push_back({});
  }

  std::optional<ListedFile> next() {
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.entries.size()) {
        if (level.complete) {
          levels_.pop_back();
        } else if (std::error_code error = read_names(level)) {
          ListedFile failed{folder_ / level.way, level.way, MediaKind::other, error.message()};
          levels_.pop_back();
          return failed;
        }
        continue;
      }
      const Entry& entry = level.entries[level.next++];
      fs::path name = level.way / entry.name;
      if (entry.is_folder) {
        const bool linked = level.linked || entry.is_link;
        if (linked && !is_new_folder(name)) {
          if (options_.shard.contains(name.generic_string())) ++left_out_.linked_folders;
        } else {
          levels_.push_back({.way = std::move(name), .entries = {}, .next = 0, .complete = false, .linked = linked});
        }
        continue;
      }
      has_files_ = true;
      if (options_.shard.contains(name.generic_string())) {
        return ListedFile{folder_ / name, name, media_kind(name), {}};
      }
    }
    return std::nullopt;
  }

  const LeftOut& left_out() const noexcept { return left_out_; }
  bool has_files() const noexcept { return has_files_; }

 private:
  /// The smallest names after the last ones, sorted. Of a folder that is too large for one go, the largest names so far make room.
  std::error_code read_names(Level& level) {
    const std::string last = level.entries.empty() ? std::string() : level.entries.back().name;
    const bool is_first = level.entries.empty();
    level.entries = {};
    level.next = 0;
    std::vector<Entry> found;
    level.complete = true;
    std::error_code error;
    for (fs::directory_iterator item(folder_ / level.way, error); !error && item != fs::directory_iterator(); item.increment(error)) {
      Entry entry{.name = item->path().filename().string(), .is_folder = false, .is_link = false};
      if (!is_first && entry.name <= last) continue;
      if (const auto reason = reason_to_leave_out(*item, level, entry); reason != Reason::none) {
        if (is_first && options_.shard.contains((level.way / entry.name).generic_string())) count(reason, entry.name);
        continue;
      }
      if (found.size() == most_names) {
        level.complete = false;
        if (!(entry < found.front())) continue;
        std::ranges::pop_heap(found, std::less());
        found.pop_back();
      }
      found.push_back(std::move(entry));
      std::ranges::push_heap(found, std::less());
    }
    if (error) return error;
    std::ranges::sort_heap(found, std::less());
    level.entries = std::move(found);
    return {};
  }

  enum class Reason : std::uint8_t { none, hidden, result, special, kind, own };

  Reason reason_to_leave_out(const fs::directory_entry& item, const Level& level, Entry& entry) const {
    std::error_code ignored;
    if (is_hidden(entry.name)) return Reason::hidden;
    entry.is_link = item.is_symlink(ignored);
    entry.is_folder = item.is_directory(ignored);
    if (entry.is_folder) return Reason::none;
    if (!entry.is_link && !item.is_regular_file(ignored)) return Reason::special;
    if (is_result_file(item.path())) return is_output(level) ? Reason::own : Reason::result;
    if (media_kind(entry.name) == MediaKind::other) return Reason::kind;
    const bool program = lower_extension(entry.name) == ".ts" && media_kind_of_content(item.path()) != MediaKind::video;  // TypeScript
    return program ? Reason::kind : Reason::none;
  }

  void count(Reason reason, const std::string& name) {
    if (reason == Reason::hidden) ++left_out_.hidden;
    if (reason == Reason::result) ++left_out_.results;
    if (reason == Reason::special) ++left_out_.special;
    if (reason == Reason::kind) ++left_out_.kinds[lower_extension(name)];
  }

  /// Whether this run's own results are in the folder: they may come while it is listed.
  bool is_output(const Level& level) const {
    std::error_code ignored;
    return !output_.empty() && is_within(fs::weakly_canonical(folder_ / level.way, ignored), output_);
  }

  /// Whether a folder that was reached through a link is neither searched without it, nor a second time.
  bool is_new_folder(const fs::path& name) {
    std::error_code error;
    const fs::path folder = fs::canonical(folder_ / name, error);
    if (error) return true;  // listing it says what is wrong
    if (is_within(root_, folder)) return false;
    const fs::path way = folder.lexically_relative(root_);
    const bool is_searched =
        is_within(folder, root_) && std::ranges::none_of(way, [](const fs::path& part) { return is_hidden(part.string()); });
    return !is_searched && followed_.insert(folder).second;
  }

  fs::path folder_;
  ListingOptions options_;
  fs::path output_;
  fs::path root_;                ///< The folder that is searched, without links.
  std::set<fs::path> followed_;  ///< Folders that links led to.
  LeftOut left_out_;
  bool has_files_ = false;
  std::vector<Level> levels_;
};

FolderListing::FolderListing(const fs::path& folder, ListingOptions options) : impl_(std::make_unique<Impl>(folder, std::move(options))) {}
FolderListing::FolderListing(FolderListing&&) noexcept = default;
FolderListing& FolderListing::operator=(FolderListing&&) noexcept = default;
FolderListing::~FolderListing() = default;

std::optional<ListedFile> FolderListing::next() { return impl_->next(); }
const LeftOut& FolderListing::left_out() const noexcept { return impl_->left_out(); }
bool FolderListing::has_files() const noexcept { return impl_->has_files(); }

}  // namespace posekit::inline v0
