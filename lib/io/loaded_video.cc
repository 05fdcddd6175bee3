/// Loads what decodes and encodes videos, from beside posekit_io. Only in shared builds.
#include <fmt/format.h>

#include "io/video_library.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

constexpr const char* file_name = "libposekit_video.so";
constexpr const char* entry_name = "posekit_video";

const VideoFunctions& load() {
  const std::filesystem::path file = folder_of_library(file_name) / file_name;
  const LoadedLibrary loaded = load_library(file, entry_name);
  if (loaded.library != nullptr) return *static_cast<const VideoFunctions*>(loaded.library->functions);
  throw Error(ErrorCode::not_found,
              fmt::format("posekit's library for videos, \"{}\", can't be used (\"{}\"): install the OpenCV that it was built for (Debian, "
                          "Ubuntu: apt-get install libopencv-videoio-dev), or all of posekit",
                          file.string(), loaded.why_not));
}

}  // namespace

const VideoFunctions& video_functions() {
  static const VideoFunctions& functions = load();
  return functions;
}

}  // namespace posekit::inline v0
