/// Reads videos and cameras.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "io/video_header.h"
#include "io/video_library.h"
#include "posekit/error.h"
#include "posekit/video.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t most_failures = 100000;  // one after the other; FFmpeg reports a frame that can't be decoded and the end alike

/// The header of a file that is one, and a video. @throws Error
VideoHeader check_file(const fs::path& file, const std::string& name) {
  const auto fail = [&](ErrorCode code, const std::string& what) { throw Error(code, fmt::format("{} {}", name, what)); };
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) fail(ErrorCode::not_found, "does not exist: check the path");
  if (status.type() == fs::file_type::directory) fail(ErrorCode::io, "is a folder, a video file is expected");
  if (status.type() != fs::file_type::regular) fail(ErrorCode::io, "is not a readable regular file: check the path and its permissions");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail(ErrorCode::io, fmt::format("can't be opened ({}): check its permissions", std::strerror(errno)));
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) fail(ErrorCode::io, fmt::format("can't be opened ({}): check the path and its permissions", error.message()));
  if (size == 0) fail(ErrorCode::io, "is empty: fetch or copy it again");
  const std::optional<VideoHeader> header = read_video_header(stream, size);
  if (!header) fail(ErrorCode::io, "is not a video in a known format: MP4, MOV, AVI, Matroska, WebM, MPEG, … is expected");
  if (!header->indexed)
    fail(ErrorCode::io, header->complete ? "has no index of its frames, so its recording was not finished: record or fetch it again"
                                         : "is cut off, and its frames can't be found without its end: fetch or copy it again");
  return *header;
}

std::atomic<bool> silenced = false;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

/// What opens videos and cameras, silenced if that was asked for.
const VideoFunctions& functions() {
  const VideoFunctions& loaded = video_functions();
  if (silenced) loaded.silence();
  return loaded;
}

}  // namespace

class VideoReader::Impl {
 public:
  Impl(const fs::path& file, const VideoOptions& options) : name_(fmt::format("video \"{}\"", file.string())) {
    const VideoHeader header = check_file(file, name_);
    complete_ = header.complete;
    info_.rotation = header.rotation;
    // An absolute path: in "a:b" FFmpeg would treat "a" as a protocol.
    open([&] { return options.open_file ? options.open_file(fs::absolute(file)) : functions().open_file(fs::absolute(file)); },
         complete_ ? "has no video frame, is broken, or has a format that FFmpeg can't read: convert it, for example with ffmpeg"
                   : "is cut off: fetch or copy it again");
    read_info(options);
  }

  Impl(int camera, const VideoOptions& options) : name_(fmt::format("camera {}", camera)), camera_(true) {
    const fs::path device = fmt::format("/dev/video{}", camera);
    std::error_code ignored;
    if (camera < 0) throw Error(ErrorCode::invalid_argument, fmt::format("{} was given, a number of at least 0 is expected", name_));
    if (!fs::exists(device, ignored))
      throw Error(ErrorCode::not_found,
                  fmt::format("{} does not exist (no {}): connect it, or use another number", name_, device.string()));
    open([&] { return functions().open_camera(camera); }, "can't be opened: check that no other program uses it, and its permissions");
    read_info(options);
  }

  const VideoInfo& info() const { return info_; }
  std::size_t skipped() const { return skipped_; }

  std::optional<Frame> read() {
    if (ended_) return std::nullopt;
    Image image;
    if (!next(image)) {
      end();
      return std::nullopt;
    }
    const std::size_t index = position_++;
    return make_frame(std::move(image), index, time_of_frame());
  }

 private:
  template <class Open>
  void open(Open open_decoder, const char* otherwise) {
    std::string reason;
    try {
      decoder_ = open_decoder();
      if (decoder_ != nullptr) return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::io) throw;
      reason = fmt::format(" ({})", error.what());
    }
    throw Error(ErrorCode::io, fmt::format("{} {}{}", name_, otherwise, reason));
  }

  void read_info(const VideoOptions& options) {
    const VideoInfo stored = decoder_->info();
    const auto [width, height] = stored.size;
    if (width <= 0 || height <= 0)
      throw Error(ErrorCode::io,
                  fmt::format("{} has frames of {}x{} pixels, at least 1x1 is expected: fetch or copy it again", name_, width, height));
    if (static_cast<std::uint64_t>(width) > options.max_pixels / static_cast<std::uint64_t>(height)) {
      throw Error(ErrorCode::invalid_argument, fmt::format("{} has frames of {}x{} pixels, at most {} are allowed: scale it down, or raise "
                                                           "max_pixels",
                                                           name_, width, height, options.max_pixels));
    }
    const bool swaps = info_.rotation == 90 || info_.rotation == 270;
    info_.size = swaps ? Size{height, width} : Size{width, height};
    if (std::isfinite(stored.fps) && stored.fps > 0) info_.fps = stored.fps;
    info_.frames = stored.frames;
  }

  /// The next frame that can be decoded, if there is one.
  bool next(Image& image) {
    bool converted = false;
    try {
      if (!grab()) return false;
      converted = decoder_->retrieve(info_.rotation, image);
    } catch (const Error& error) {
      fail(fmt::format("can't be read ({}): fetch or copy it again", error.what()));
    }
    if (!converted) fail("has frames that can't be converted to 8-bit colour: convert it, for example with ffmpeg");
    return true;
  }

  /// Finds it. Positions of those that can't be are counted only once another one follows: at the end there
  /// are failures without end.
  bool grab() {
    const std::size_t promised = info_.frames.value_or(0);
    const std::size_t limit = camera_ ? 0 : std::min(most_failures, promised > position_ ? promised - position_ + 64 : 64);
    for (std::size_t failures = 0; failures <= limit; ++failures) {
      if (!decoder_->grab()) continue;
      position_ += failures;
      skipped_ += failures;
      return true;
    }
    return false;
  }

  /// Rising, even where the container has no times.
  double time_of_frame() {
    const auto now = Clock::now();
    const bool is_first = !last_time_;
    if (is_first) first_at_ = now;
    double time = camera_ ? std::chrono::duration<double>(now - first_at_).count() : decoder_->time_ms() / 1000;
    time = std::round(time * 1e6) / 1e6;
    if (!std::isfinite(time) || time < 0) time = 0;
    if (!is_first && !(time > *last_time_)) time = *last_time_ + (info_.fps > 0 ? 1 / info_.fps : 1e-6);
    last_time_ = time;
    return time;
  }

  void end() {
    ended_ = true;
    decoder_.reset();
    if (camera_) fail("gives no more frames: check its connection");
    if (!complete_) fail(fmt::format("is cut off, only its first {} frames could be read: fetch or copy it again", position_));
    if (position_ == 0) fail("has no frame that can be decoded: convert it, for example with ffmpeg");
  }

  [[noreturn]] void fail(const std::string& what) {
    ended_ = true;
    throw Error(ErrorCode::io, fmt::format("{} {}", name_, what));
  }

  std::string name_;
  bool camera_ = false;
  bool complete_ = true;
  std::unique_ptr<FrameDecoder> decoder_;
  VideoInfo info_;
  std::size_t position_ = 0;
  std::size_t skipped_ = 0;
  std::optional<double> last_time_;
  Clock::time_point first_at_;
  bool ended_ = false;
};

VideoReader::VideoReader(const fs::path& file, const VideoOptions& options) : impl_(std::make_unique<Impl>(file, options)) {}
VideoReader::VideoReader(int camera, const VideoOptions& options) : impl_(std::make_unique<Impl>(camera, options)) {}
VideoReader::VideoReader(VideoReader&&) noexcept = default;
VideoReader& VideoReader::operator=(VideoReader&&) noexcept = default;
VideoReader::~VideoReader() = default;

const VideoInfo& VideoReader::info() const noexcept { return impl_->info(); }
std::optional<Frame> VideoReader::read() { return impl_->read(); }
std::size_t VideoReader::skipped() const noexcept { return impl_->skipped(); }

void silence_video_messages() {
  if (std::getenv("OPENCV_LOG_LEVEL") == nullptr) silenced = true;
  constexpr const char* quiet = "-8";  // AV_LOG_QUIET; OpenCV hands it on when it first uses FFmpeg
  setenv("OPENCV_FFMPEG_LOGLEVEL", quiet, 0);
}

}  // namespace posekit::inline v0
