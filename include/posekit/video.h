/// Reading and writing video files, and reading cameras (library posekit::io).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "posekit/export.h"
#include "posekit/frame.h"
#include "posekit/geometry.h"
#include "posekit/image.h"
#include "posekit/image_io.h"

namespace posekit::inline v0 {

/// Says what a container or a camera reports of its video.
struct VideoInfo {
  Size size;  ///< Of the upright frames, in pixels.
  /// Mean frames a second; 0: not reported.
  ///
  /// A video with a variable frame rate has its times in its frames.
  double fps = 0;
  /// Degrees clockwise by which stored frames are turned to be upright: 0, 90, 180 or 270.
  int rotation = 0;
  /// How many frames there are; none: not reported.
  ///
  /// It is an estimate, length times frame rate, where the container does not count them
  /// (Matroska).
  std::optional<std::size_t> frames;
};

/// Decodes the stored frames of one video: what a VideoReader stands on.
///
/// posekit's own uses OpenCV's videoio. A program may give another in VideoOptions. One thread at a
/// time calls it. A failure of its own is thrown as Error io, with the reason alone.
class POSEKIT_API FrameDecoder {
 public:
  /// Opens a file.
  using Open = std::function<std::unique_ptr<FrameDecoder>(const std::filesystem::path& file)>;

  FrameDecoder() = default;
  FrameDecoder(const FrameDecoder&) = delete;
  FrameDecoder& operator=(const FrameDecoder&) = delete;
  virtual ~FrameDecoder() = default;

  /// Returns what the container says, unchecked, of frames as they are stored: not turned.
  [[nodiscard]] virtual VideoInfo info() const = 0;

  /// Decodes the next frame.
  ///
  /// @return false if there is none, or it can't be decoded
  virtual bool grab() = 0;

  /// Gives the frame that was decoded, as bgr8.
  ///
  /// @param rotation degrees clockwise by which it is to be turned: 0, 90, 180 or 270
  /// @return false if it can't be converted
  virtual bool retrieve(int rotation, Image& frame) = 0;

  /// Returns the frame's time in milliseconds, from the stream's start.
  [[nodiscard]] virtual double time_ms() const = 0;
};

/// Sets which videos a VideoReader refuses, and what decodes files.
struct VideoOptions {
  /// Videos with larger frames are refused before the first frame is made.
  std::uint64_t max_pixels = std::uint64_t{1} << 28;
  /// Opens files in place of posekit's own decoder; null: that one.
  ///
  /// It is called with an absolute path, on the thread that makes the reader. It returns null where
  /// it can't open the file. Sizes, times, rotation and damage are checked by the reader as ever.
  FrameDecoder::Open open_file = {};
};

/// Reads the frames of a video file or a camera, one after the other.
///
/// Files are MP4, MOV, AVI, Matroska, WebM, MPEG, … They are decoded by OpenCV's videoio. Shared
/// builds load it with the first video.
///
/// One thread at a time may use it. A moved-from reader may only be assigned to or destroyed.
/// Decoding uses threads of FFmpeg's own, as many as there are CPUs.
///
/// FFmpeg writes to standard error about broken files unless `silence_video_messages` was called.
class POSEKIT_API VideoReader {
 public:
  /// Opens a file.
  ///
  /// Nothing but a file is opened: no network address, no playlist.
  ///
  /// @throws Error not_found if there is no such file, or posekit's library for videos or what it
  ///     needs is not installed
  /// @throws Error io if the file is not a video, has no video in it, can't be read, or is cut off
  ///     before its index
  /// @throws Error invalid_argument if its frames have more than `max_pixels`
  explicit VideoReader(const std::filesystem::path& file, const VideoOptions& options = {});
  /// Opens a camera.
  ///
  /// @param camera its number N (Video4Linux: /dev/videoN), >= 0
  /// @throws Error not_found if there is no such camera, or as for files
  /// @throws Error io if it can't be opened
  /// @throws Error invalid_argument if the number is negative or frames have more than `max_pixels`
  explicit VideoReader(int camera, const VideoOptions& options = {});
  VideoReader(VideoReader&&) noexcept;
  VideoReader& operator=(VideoReader&&) noexcept;
  ~VideoReader();

  /// Returns what the container or the camera reports of its video.
  [[nodiscard]] const VideoInfo& info() const noexcept;

  /// Returns the next frame, upright bgr8, with its position and its time.
  ///
  /// Times are the container's, in seconds from the stream's start. A camera's are seconds since
  /// its first frame. They rise strictly.
  ///
  /// Frames that can't be decoded are skipped: their positions are left out. A decoder fixes small
  /// damage by itself: such frames come, with the damage in the picture.
  ///
  /// @return none at the end of the video, and after an exception
  /// @throws Error io at the end of a video that is cut off or has no frame that can be decoded
  /// @throws Error io if a frame can't be read, or a camera gives no more frames
  [[nodiscard]] std::optional<Frame> read();

  /// Returns how many frames could not be decoded so far.
  [[nodiscard]] std::size_t skipped() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes a video file, whole or not at all.
///
/// `finish` renames its temporary file.
///
/// .mp4, .m4v and .mov hold H.264, or MPEG-4 where OpenCV's FFmpeg can't encode that. .avi holds
/// Motion JPEG. Frames are spaced evenly.
///
/// One thread at a time may use it. A moved-from writer may only be assigned to or destroyed.
class POSEKIT_API VideoWriter {
 public:
  /// Opens the temporary file.
  ///
  /// What is written has even sizes: an odd last column or row is left out.
  ///
  /// @param size of every frame, in pixels, from 2x2 to 16384x16384
  /// @param fps frames a second, in (0, 1000]
  /// @throws Error invalid_argument if the extension is unknown, or size or rate is out of range
  /// @throws Error not_found if posekit's library for videos or what it needs is not installed
  /// @throws Error io if the file can't be made or FFmpeg has no encoder for it
  VideoWriter(const std::filesystem::path& file, Size size, double fps, const WriteOptions& options = {});
  VideoWriter(VideoWriter&&) noexcept;
  VideoWriter& operator=(VideoWriter&&) noexcept;
  /// Removes the temporary file, so that nothing is left, unless the video is finished.
  ~VideoWriter();

  /// Appends a frame of any pixel format.
  ///
  /// @throws Error invalid_argument if the frame is of another size, the view is not valid or on a
  ///     device, or the video is finished
  /// @throws Error io if the frame can't be encoded
  void write(const ImageView& image);

  /// Completes the file, checks that it holds every frame, and gives it its name.
  ///
  /// The file takes the place of one that has the name.
  ///
  /// @throws Error io if the file is not whole (the disk is full) or can't be renamed
  /// @throws Error invalid_argument if no frame was written, or it is called again
  void finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Makes OpenCV and FFmpeg write no messages from now on, in the whole process.
///
/// OpenCV (this copy of it) logs nothing, and FFmpeg writes no complaints about broken files to
/// standard error. Errors and results do not change.
///
/// Call it before the first video is opened and before other threads start: it sets the environment
/// variable OPENCV_FFMPEG_LOGLEVEL. Where the environment names a level already (that variable, or
/// OPENCV_LOG_LEVEL), that one stays.
POSEKIT_API void silence_video_messages();

}  // namespace posekit::inline v0
