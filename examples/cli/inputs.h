/// From the arguments to inputs, one after the other: a folder of a million images is never held as a whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "posekit/listing.h"

namespace cli {

enum class InputKind { image, video, camera };

/// One image, video or camera to be worked on.
struct Input {
  std::filesystem::path path;
  std::filesystem::path name;  ///< Where its results go below the output folder: the file's name, with sub-folders of a folder input.
  InputKind kind = InputKind::image;
  int camera = 0;
  std::string problem;  ///< Not empty: why it can't be worked on.
};

/// Images, videos, cameras, folders (searched to their depth), globs and @lists, in the order given; what a folder or glob holds is sorted.
class InputList {
 public:
  /// @param output the output folder, or empty: what an earlier run wrote there is no input when it lies in a folder that is searched
  /// @param shard the part of the inputs that is given
  /// @throws UsageError if a list can't be read
  InputList(const std::vector<std::string>& arguments, const std::filesystem::path& output, posekit::Shard shard);
  InputList(InputList&&) noexcept;
  InputList& operator=(InputList&&) noexcept;
  ~InputList();

  /// @throws UsageError if a list can't be read
  std::optional<Input> next();

  /// What folders and globs hold that is no input, of those that were gone through.
  const posekit::LeftOut& left_out() const;

  /// Folders and lists that have been gone through and hold no image or video, in no shard.
  const std::vector<std::string>& empty() const;

  /// The folder, if that is all there is: its files have names that differ.
  std::optional<std::filesystem::path> only_folder() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether an argument names a list. A file or folder may begin with @ too: that of a NAS's thumbnails does.
bool is_list(const std::string& argument);

/// The arguments, with the lines of lists that can be read only once (@/dev/stdin, a pipe) in their place; files are read in their turn.
/// @throws UsageError if such a list can't be read
std::vector<std::string> with_lists_read(const std::vector<std::string>& arguments);

/// One line about what was left out, and what to do; empty: nothing was.
std::string text_of(const posekit::LeftOut& left_out);

/// "i/n" with 0 <= i < n. @throws UsageError
posekit::Shard parse_shard(const std::string& text);

}  // namespace cli
