/// Folders of images and videos, however large (library posekit::io).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "posekit/export.h"
#include "posekit/media.h"

namespace posekit::inline v0 {

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

/// Returns whether a file is a result, a drawing or a crop of posekit, by its name.
///
/// Such names are `a.jpg.json`, `a.mp4.jsonl`, `a.jpg.pose.jpg` and `a.jpg.crops/0.jpg`. A drawing of
/// an original with another extension has the original or its result beside it. A report is
/// `report/index.html`, with a folder `thumbnails` beside it.
[[nodiscard]] POSEKIT_API bool is_result_file(const std::filesystem::path& file);

/// Sets what a FolderListing lists.
struct ListingOptions {
  Shard shard;
  /// An output folder, whose results are not counted as left out. Empty: none.
  std::filesystem::path output;
};

/// Counts what a listing left out.
struct LeftOut {
  /// Files that are neither images nor videos, by extension in lower case with its dot, or "".
  std::map<std::string, std::size_t> kinds;
  /// Files and folders whose name begins with a dot, and those that systems make (`@eaDir`).
  std::size_t hidden = 0;
  std::size_t linked_folders = 0;  ///< Links to folders that are searched anyway, or to one above.
  std::size_t results = 0;         ///< Results and drawings of posekit.
  std::size_t special = 0;         ///< Pipes, sockets and devices.

  POSEKIT_API LeftOut& operator+=(const LeftOut& other);
};

/// Finds the images and videos below a folder, one after the other, sorted by name.
///
/// Sub-folders are included, and linked folders, each once. Hidden files and folders, and what
/// posekit writes itself (`a.jpg.json`, `a.jpg.pose.jpg`), are left out and counted, as are files
/// of other kinds. Files that come or go meanwhile may be found or not.
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
  /// Returns what was left out so far: of the shard, if one is asked for.
  [[nodiscard]] const LeftOut& left_out() const noexcept;
  /// Returns whether an image or video was found so far, of any shard.
  [[nodiscard]] bool has_files() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
