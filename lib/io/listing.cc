/// Folders of images and videos, however large.
#include "posekit/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <system_error>
#include <utility>
#include <vector>

#include "io/encoding.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_names = 16384;
constexpr std::string_view temporary_prefix = ".posekit-";
constexpr std::array<std::string_view, 2> drawing_suffixes{".pose.jpg", ".pose.mp4"};

constexpr std::array<std::string_view, 8> image_extensions{".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".jp2"};
constexpr std::array<std::string_view, 8> video_extensions{".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"};

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
  friend bool operator<(const Entry& a, const Entry& b) { return a.name < b.name; }
};

/// The part of a name that a drawing's suffix leaves, empty if it has none.
std::string_view original_of(std::string_view name) {
  for (const std::string_view suffix : drawing_suffixes) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return {};
}

/// A folder on the way down: its next names, in order.
struct Level {
  fs::path way;  ///< Below the folder that is searched.
  std::vector<Entry> entries;
  std::size_t next = 0;
  bool complete = false;  ///< No names come after these.
};

}  // namespace

MediaKind media_kind(const fs::path& file) {
  const std::string extension = lower_extension(file);
  if (std::ranges::find(image_extensions, extension) != image_extensions.end()) return MediaKind::image;
  return std::ranges::find(video_extensions, extension) != video_extensions.end() ? MediaKind::video : MediaKind::other;
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
    beside_ = lies_in_output(folder_);
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
        levels_.push_back({.way = std::move(name), .entries = {}, .next = 0, .complete = false});
      } else if (options_.shard.contains(name.generic_string())) {
        return ListedFile{folder_ / name, name, media_kind(name), {}};
      }
    }
    return std::nullopt;
  }

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
      Entry entry{.name = item->path().filename().string(), .is_folder = false};
      if ((!is_first && entry.name <= last) || !is_listed(*item, level.way, entry)) continue;
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

  bool is_listed(const fs::directory_entry& item, const fs::path& way, Entry& entry) const {
    std::error_code ignored;
    const bool is_link = item.is_symlink(ignored);
    if (item.is_directory(ignored)) {
      entry.is_folder = true;
      return !is_link && !is_output(item.path());
    }
    if (!is_link && !item.is_regular_file(ignored)) return false;
    if (media_kind(entry.name) == MediaKind::other || entry.name.starts_with(temporary_prefix)) return false;
    const std::string_view original = beside_ ? original_of(entry.name) : std::string_view();
    return original.empty() || media_kind(original) == MediaKind::other || !fs::exists(folder_ / way / original, ignored);
  }

  bool is_output(const fs::path& folder) const {
    std::error_code ignored;
    return !output_.empty() && fs::weakly_canonical(folder, ignored) == output_;
  }

  bool lies_in_output(const fs::path& folder) const {
    std::error_code ignored;
    const fs::path way = fs::weakly_canonical(folder, ignored);
    return !output_.empty() && std::ranges::mismatch(output_, way).in1 == output_.end();
  }

  fs::path folder_;
  ListingOptions options_;
  fs::path output_;
  bool beside_ = false;  ///< Results may lie beside their images.
  std::vector<Level> levels_;
};

FolderListing::FolderListing(const fs::path& folder, ListingOptions options) : impl_(std::make_unique<Impl>(folder, std::move(options))) {}
FolderListing::FolderListing(FolderListing&&) noexcept = default;
FolderListing& FolderListing::operator=(FolderListing&&) noexcept = default;
FolderListing::~FolderListing() = default;

std::optional<ListedFile> FolderListing::next() { return impl_->next(); }

}  // namespace posekit::inline v0
