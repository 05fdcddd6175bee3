/// Folders of images and videos, however large (library posekit::io).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// What a file is, by its extension alone.
enum class MediaKind : std::uint8_t {
  other,
  image,  ///< .jpg .jpeg .png .bmp .webp .tif .tiff .jp2, in any case
  video,  ///< .mp4 .avi .mov .mkv .webm .m4v .mpg .mpeg, in any case
};
[[nodiscard]] POSEKIT_API MediaKind media_kind(const std::filesystem::path& file);

/// One of `count` parts of a set of files. Which part a file belongs to follows from its name below its folder (with `/` between) and from
/// `count` alone: the parts have no file in common, together they hold all, and files that come or go change nothing for the others.
struct Shard {
  std::size_t index = 0;  ///< From 0, below count.
  std::size_t count = 1;

  [[nodiscard]] POSEKIT_API bool contains(std::string_view name) const noexcept;
};

/// A file that was found.
struct ListedFile {
  std::filesystem::path path;  ///< With the folder that was searched.
  std::filesystem::path name;  ///< Below that folder.
  MediaKind kind = MediaKind::other;
  std::string problem;  ///< Not empty: `path` is a folder that can't be listed, for this reason.
};

struct ListingOptions {
  Shard shard;
  /// An output folder: what an earlier run wrote there is not listed. That is all of it if it lies below the folder that is searched; if it
  /// is that folder, drawings whose original is beside them (`a.jpg.pose.jpg`). Empty: none.
  std::filesystem::path output;
};

/// Finds the images and videos below a folder, sub-folders included, one after the other, sorted by name: at most 16,384 names of a folder
/// are held at a time, for the next ones it is read again. Files that come or go meanwhile are found or not. Links to files are
/// followed, links to folders are not, and a temporary file of posekit's is not listed. One thread at a time may use it.
class POSEKIT_API FolderListing {
 public:
  /// Reads nothing yet. @throws Error invalid_argument if shard.index is not below shard.count
  explicit FolderListing(const std::filesystem::path& folder, ListingOptions options = {});
  FolderListing(FolderListing&&) noexcept;
  FolderListing& operator=(FolderListing&&) noexcept;
  ~FolderListing();

  /// The next one; none when all were given.
  [[nodiscard]] std::optional<ListedFile> next();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
