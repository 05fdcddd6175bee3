/// A name for a file that is not whole yet.
#pragma once

#include <filesystem>
#include <string>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// @throws Error io that names the file and the system's reason
[[noreturn]] POSEKIT_API void fail_to_write(const std::filesystem::path& path, int error);

/// Exported for posekit_io. An empty file beside the one to be written, that takes its name at the end; removed if it does not come to
/// that.
///
/// It is locked (flock) until it has its name. The first one that a process makes in a folder removes those of this user there that are not
/// locked: what killed processes have left. Where the file system has no locks, none are held and nothing is removed.
class POSEKIT_API TemporaryFile {
 public:
  /// Makes the file. @param sync whether `commit` has it written to the disk @param ending of its name, for a writer that chooses a format
  /// by it
  /// @throws Error io
  TemporaryFile(const std::filesystem::path& target, bool sync, const std::string& ending = "");
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile();

  [[nodiscard]] const std::filesystem::path& target() const noexcept { return target_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Open for writing until `close`.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  /// Closes it, which is where some file systems tell that the disk is full. @throws Error io
  void close();
  /// Closes it, has it written to the disk if that is wanted, and gives it its name. @throws Error io
  void commit();

 private:
  bool make(const std::string& ending);

  std::filesystem::path target_;
  std::filesystem::path path_;
  bool sync_;
  int descriptor_ = -1;
  int lock_ = -1;  ///< A second descriptor of the open file: it holds the lock when the first is closed.
  bool done_ = false;
};

}  // namespace posekit::inline v0
