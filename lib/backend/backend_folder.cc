/// Where a program says that the libraries that run models are.
#include "backend/backend_folder.h"

#include <mutex>

#include "posekit/error.h"
#include "posekit/runtime.h"

namespace posekit::inline v0 {
namespace {

struct Folder {
  std::mutex mutex;
  std::filesystem::path path;
};

Folder& folder() {
  static Folder& one = *new Folder;  // never destroyed: threads may outlive main
  return one;
}

}  // namespace

void set_backend_folder(const std::filesystem::path& path) {
  if (!path.is_absolute()) {
    throw Error(ErrorCode::invalid_argument, "the backend folder \"" + path.string() + "\" was given, an absolute path is expected");
  }
  const std::lock_guard lock(folder().mutex);
  folder().path = path;
}

std::filesystem::path backend_folder() {
  const std::lock_guard lock(folder().mutex);
  return folder().path;
}

}  // namespace posekit::inline v0
