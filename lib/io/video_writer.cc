/// Writes videos.
#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "host/temporary_file.h"
#include "io/encoding.h"
#include "io/video_header.h"
#include "io/video_library.h"
#include "posekit/error.h"
#include "posekit/video.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr int largest_side = 16384;
constexpr double most_fps = 1000;

/// The codecs to try for a container, in this order: H.264 plays everywhere but is not in every FFmpeg.
std::vector<const char*> codecs_of(const std::string& extension) {
  if (extension == ".mp4" || extension == ".m4v" || extension == ".mov") return {"avc1", "mp4v"};
  if (extension == ".avi") return {"MJPG"};
  return {};
}

void check(const fs::path& file, Size size, double fps) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::invalid_argument, fmt::format("\"{}\": {}", file.string(), what));
  };
  if (codecs_of(lower_extension(file)).empty()) refuse("a video with this extension can't be written: use .mp4, .m4v, .mov or .avi");
  if (size.width < 2 || size.height < 2 || size.width > largest_side || size.height > largest_side)
    refuse(
        fmt::format("a video of {}x{} pixels can't be written: 2 to {} on each side are expected", size.width, size.height, largest_side));
  if (!(fps > 0 && fps <= most_fps))
    refuse(fmt::format("{} frames a second were given, more than 0 and at most {} are expected", fps, most_fps));
}

}  // namespace

class VideoWriter::Impl {
 public:
  Impl(const fs::path& file, Size size, double fps, const WriteOptions& options)
      : size_(size), file_((check(file, size, fps), file), options.sync, lower_extension(file)) {
    file_.close();  // FFmpeg opens it by its name
    for (const char* codec : codecs_of(lower_extension(file))) {
      try {
        encoder_ = video_functions().create_file(fs::absolute(file_.path()), codec, fps, {size.width / 2 * 2, size.height / 2 * 2});
        if (encoder_ != nullptr) return;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::io) throw;  // else as a codec that is not there
      }
    }
    throw Error(ErrorCode::io, fmt::format("\"{}\" can't be written: OpenCV's FFmpeg has no encoder for {}x{} pixels and {} frames a "
                                           "second here, use another size, rate or extension",
                                           file.string(), size.width, size.height, fps));
  }

  void write(const ImageView& image) {
    check_open();
    validate(image);
    if (image.size() != size_) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("\"{}\": a frame of {}x{} pixels was given, {}x{}, the size of the video, is expected",
                              file_.target().string(), image.width, image.height, size_.width, size_.height));
    }
    try {
      ImageView even = image;
      even.width = image.width / 2 * 2;
      even.height = image.height / 2 * 2;
      encoder_->write(packed(even, false));
    } catch (const Error& error) {
      throw Error(ErrorCode::io, fmt::format("\"{}\": a frame can't be encoded ({}): use another extension, or check the disk",
                                             file_.target().string(), error.what()));
    }
    ++frames_;
  }

  void finish() {
    check_open();
    if (frames_ == 0)
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("\"{}\": no frame was written, at least one is expected before finish()", file_.target().string()));
    finished_ = true;
    encoder_.reset();
    if (!is_whole()) fail_to_write(file_.target(), ENOSPC);
    file_.commit();
  }

 private:
  void check_open() const {
    if (finished_) throw Error(ErrorCode::invalid_argument, fmt::format("\"{}\" is finished: open another video", file_.target().string()));
  }

  /// OpenCV does not report that writing failed, so the file has to: is all there that its container promises, and every frame in it?
  bool is_whole() const {
    std::ifstream stream(file_.path(), std::ios::binary);
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(file_.path(), error);
    const auto header = stream && !error ? read_video_header(stream, bytes) : std::nullopt;
    if (!header || !header->complete || !header->indexed) return false;
    const auto written = video_functions().open_file(fs::absolute(file_.path()));
    return written != nullptr && written->info().frames == frames_;
  }

  Size size_;
  TemporaryFile file_;  // outlives the encoder, which closes the file
  std::unique_ptr<FrameEncoder> encoder_;
  std::size_t frames_ = 0;
  bool finished_ = false;
};

VideoWriter::VideoWriter(const fs::path& file, Size size, double fps, const WriteOptions& options)
    : impl_(std::make_unique<Impl>(file, size, fps, options)) {}
VideoWriter::VideoWriter(VideoWriter&&) noexcept = default;
VideoWriter& VideoWriter::operator=(VideoWriter&&) noexcept = default;
VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const ImageView& image) { impl_->write(image); }
void VideoWriter::finish() { impl_->finish(); }

}  // namespace posekit::inline v0
