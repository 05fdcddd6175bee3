/// Where tests find their data.
#pragma once

#include <filesystem>
#include <optional>

namespace posekit_test {

/// The project's top folder: $POSEKIT_SOURCE, for programs that were built elsewhere, else where it was at build time.
std::filesystem::path source_dir();

/// Golden data: $POSEKIT_GOLDEN, else tests/golden/data.
std::filesystem::path golden_dir();

/// The folder `shared` beside the checkout (COCO photos that must not be shipped); none in a user's clone.
std::optional<std::filesystem::path> shared_dir();

/// A fresh empty folder under the system's temporary folder, removed with the object.
class TemporaryDir {
 public:
  TemporaryDir();
  TemporaryDir(const TemporaryDir&) = delete;
  TemporaryDir& operator=(const TemporaryDir&) = delete;
  ~TemporaryDir();
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace posekit_test
