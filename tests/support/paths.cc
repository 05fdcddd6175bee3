/// Where tests find their data.
#include "support/paths.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace posekit_test {

namespace fs = std::filesystem;

namespace {

fs::path folder_in(const char* variable, const fs::path& otherwise) {
  const char* folder = std::getenv(variable);
  return folder != nullptr && *folder != '\0' ? fs::path(folder) : otherwise;
}

}  // namespace

fs::path source_dir() { return folder_in("POSEKIT_SOURCE", POSEKIT_SOURCE_DIR); }

fs::path golden_dir() { return folder_in("POSEKIT_GOLDEN", source_dir() / "tests/golden/data"); }

std::optional<fs::path> shared_dir() {
  fs::path folder = source_dir().parent_path() / "shared";
  if (fs::is_directory(folder / "data/coco")) return folder;
  return std::nullopt;
}

TemporaryDir::TemporaryDir() {
  std::string pattern = (fs::temp_directory_path() / "posekit-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("can't make a temporary folder: " + pattern);
  path_ = pattern;
}

TemporaryDir::~TemporaryDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace posekit_test
