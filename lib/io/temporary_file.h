/// A name for a file that is not whole yet.
#pragma once

#include <filesystem>
#include <string>

namespace posekit::inline v0 {

/// @throws Error io that names the file and the system's reason
[[noreturn]] void fail_to_write(const std::filesystem::path& path, int error);

/// An empty file beside the one to be written, that takes its name at the end; removed if it does not come to that.
class TemporaryFile {
 public:
  /// Makes the file. @param ending of its name, for whoever goes by it @throws Error io
  explicit TemporaryFile(const std::filesystem::path& target, const std::string& ending = "");
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile();

  [[nodiscard]] const std::filesystem::path& target() const noexcept { return target_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Open for writing until `close`.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  /// Closes it, which is where some file systems tell that the disk is full. @throws Error io
  void close();
  /// Closes it and gives it its name. @throws Error io
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  int descriptor_ = -1;
  bool done_ = false;
};

}  // namespace posekit::inline v0
