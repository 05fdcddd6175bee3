/// Reading and writing video files, and reading cameras (library posekit::io).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "posekit/export.h"
#include "posekit/frame.h"
#include "posekit/geometry.h"
#include "posekit/image.h"

namespace posekit::inline v0 {

/// What a container or a camera tells of its video.
struct VideoInfo {
  Size size;         ///< Of the upright frames, pixels.
  double fps = 0;    ///< Mean frames a second; 0: not told. A video with a variable frame rate has its times in its frames.
  int rotation = 0;  ///< Degrees clockwise by which stored frames are turned to be upright: 0, 90, 180 or 270.
  /// How many frames there are; none: not told. An estimate (length times frame rate) where the container does not count them (Matroska).
  std::optional<std::size_t> frames;
};

struct VideoOptions {
  std::uint64_t max_pixels = std::uint64_t{1} << 28;  ///< Videos with larger frames are refused before the first is made.
};

/// Reads the frames of a file (MP4, MOV, AVI, Matroska, WebM, MPEG, …) or a camera, one after the other, by OpenCV's videoio. One thread at
/// a time may use it. Decoding uses threads of FFmpeg's own, as many as there are CPUs.
///
/// FFmpeg writes to standard error about broken files unless `silence_video_messages` was called.
class POSEKIT_API VideoReader {
 public:
  /// Opens a file. Nothing but a file is opened: no network address, no playlist.
  /// @throws Error not_found, io (not a video, no video in it, not readable, cut off before its index), invalid_argument (max_pixels)
  explicit VideoReader(const std::filesystem::path& file, const VideoOptions& options = {});
  /// Opens camera number `index` (Video4Linux: /dev/video`index`). @throws Error not_found, io, invalid_argument
  explicit VideoReader(int camera, const VideoOptions& options = {});
  VideoReader(VideoReader&&) noexcept;
  VideoReader& operator=(VideoReader&&) noexcept;
  ~VideoReader();

  [[nodiscard]] const VideoInfo& info() const noexcept;

  /// The next frame, upright bgr8, with its position and its time. Frames that can't be decoded are skipped: their positions are left out.
  /// Times are the container's, in seconds from the stream's start; a camera's are seconds since its first frame. They rise strictly.
  /// A decoder mends small damage by itself: such frames come, with the damage in the picture.
  /// @return none at the end of the video
  /// @throws Error io at the end of a video that is cut off or that has no frame that can be decoded, or when a camera gives no more
  ///               frames; after that there are none
  [[nodiscard]] std::optional<Frame> read();

  /// How many frames could not be decoded so far.
  [[nodiscard]] std::size_t skipped() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes a video file, whole or not at all: to a temporary file beside it, renamed by `finish`. One thread at a time may use it.
/// .mp4, .m4v and .mov hold H.264, or MPEG-4 where OpenCV's FFmpeg can't encode that; .avi holds Motion JPEG. Frames are spaced evenly.
class POSEKIT_API VideoWriter {
 public:
  /// @param size of every frame, pixels, at least 2x2. What is written has even sizes: an odd last column or row is left out.
  /// @param fps frames a second, in (0, 1000]
  /// @throws Error invalid_argument (unknown extension, size or rate out of range), io
  VideoWriter(const std::filesystem::path& file, Size size, double fps);
  VideoWriter(VideoWriter&&) noexcept;
  VideoWriter& operator=(VideoWriter&&) noexcept;
  /// Not finished: nothing is left.
  ~VideoWriter();

  /// Appends a frame of any format. @throws Error invalid_argument (another size, bad view, finished), io
  void write(const ImageView& image);

  /// Completes the file, checks that it holds every frame, and gives it its name, in place of a file that has it. Without a frame there is
  /// no video: an error. @throws Error io (the disk is full), invalid_argument (no frame, or called again)
  void finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Process-wide: OpenCV (this copy of it) logs nothing from now on, and FFmpeg writes no complaints about broken files to standard error.
/// Call it before the first video is opened and before other threads start: it sets the environment variable OPENCV_FFMPEG_LOGLEVEL.
/// Where the environment names a level already (that variable, or OPENCV_LOG_LEVEL), that one stays. Errors and results do not change.
POSEKIT_API void silence_video_messages();

}  // namespace posekit::inline v0
