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

/// Says what a file is, by its extension alone.
enum class MediaKind : std::uint8_t {
  other,
  image,  ///< .jpg .jpeg .png .bmp .webp .tif .tiff .jp2, in any case
  video,  ///< .mp4 .avi .mov .mkv .webm .m4v .mpg .mpeg, in any case
};
/// Returns what a file is, by its extension alone.
[[nodiscard]] POSEKIT_API MediaKind media_kind(const std::filesystem::path& file);

/// Names one of `count` parts of a set of files.
///
/// Which part a file belongs to follows from `count` and its name alone. The name is the one below
/// its folder, with `/` between. The parts have no file in common, and together they hold all.
/// Files that come or go change nothing for the others.
struct Shard {
  std::size_t index = 0;  ///< From 0, below count.
  std::size_t count = 1;

  /// Returns whether a file of this name belongs to the part.
  [[nodiscard]] POSEKIT_API bool contains(std::string_view name) const noexcept;
};

/// Names a file that was found, or a folder that can't be listed.
struct ListedFile {
  std::filesystem::path path;  ///< With the folder that was searched.
  std::filesystem::path name;  ///< Below that folder.
  MediaKind kind = MediaKind::other;
  std::string problem;  ///< Not empty: `path` is a folder that can't be listed, for this reason.
};

/// Sets what a FolderListing lists.
struct ListingOptions {
  Shard shard;
  /// An output folder: what an earlier run wrote there is not listed. Empty: none.
  ///
  /// If it is below the folder that is searched, nothing in it is listed. If it is that folder,
  /// only drawings whose original is beside them are left out (`a.jpg.pose.jpg`).
  std::filesystem::path output;
};

/// Finds the images and videos below a folder, one after the other, sorted by name.
///
/// Sub-folders are included. Links to files are followed, links to folders are not, and a temporary
/// file of posekit's is not listed. Files that come or go meanwhile may be found or not.
///
/// At most 16,384 names of a folder are held in memory at a time. For the next ones it is read
/// again.
///
/// One thread at a time may use it. A moved-from listing may only be assigned to or destroyed.
class POSEKIT_API FolderListing {
 public:
  /// Makes the listing; it reads nothing yet.
  ///
  /// @throws Error invalid_argument if shard.index is not below shard.count
  explicit FolderListing(const std::filesystem::path& folder, ListingOptions options = {});
  FolderListing(FolderListing&&) noexcept;
  FolderListing& operator=(FolderListing&&) noexcept;
  ~FolderListing();

  /// Returns the next file, or the next folder that can't be listed.
  ///
  /// @return none when all were given
  [[nodiscard]] std::optional<ListedFile> next();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
