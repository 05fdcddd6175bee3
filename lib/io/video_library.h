/// What decodes and encodes videos: OpenCV's videoio, in a library of its own that is loaded with the first video. Static builds link it
/// in.
#pragma once

#include <filesystem>
#include <memory>

#include "host/loaded_library.h"
#include "posekit/video.h"

namespace posekit::inline v0 {

/// A video file that is written. It is whole once this is destroyed.
class FrameEncoder {
 public:
  FrameEncoder() = default;
  FrameEncoder(const FrameEncoder&) = delete;
  FrameEncoder& operator=(const FrameEncoder&) = delete;
  virtual ~FrameEncoder() = default;

  /// @param frame bgr8 without gaps, of the video's size @throws Error io with OpenCV's words alone
  virtual void write(const Image& frame) = 0;
};

/// What posekit_io asks of the library. Those that open return null where OpenCV can't, and throw Error io with its words.
struct VideoFunctions {
  std::unique_ptr<FrameDecoder> (*open_file)(const std::filesystem::path& file);
  std::unique_ptr<FrameDecoder> (*open_camera)(int number);
  std::unique_ptr<FrameEncoder> (*create_file)(const std::filesystem::path& file, const char* codec, double fps, Size size);
  void (*silence)();  ///< No messages of OpenCV's any more.
};

/// The functions. @throws Error not_found where the library or what it links is missing
[[nodiscard]] const VideoFunctions& video_functions();

extern "C" POSEKIT_API const PosekitLibrary* posekit_video();

}  // namespace posekit::inline v0
