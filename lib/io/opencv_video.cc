/// Decodes and encodes videos by OpenCV's videoio: all that posekit uses of OpenCV. A library of its own in shared builds.
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/videoio.hpp>
#include <optional>

#include "io/video_library.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

/// Calls OpenCV, with its exceptions as posekit's.
template <class Call>
auto opencv(Call call) {
  try {
    return call();
  } catch (const cv::Exception& error) {
    throw Error(ErrorCode::io, error.err);
  }
}

std::optional<cv::RotateFlags> turn_of(int rotation) {
  switch (rotation) {
    case 90: return cv::ROTATE_90_CLOCKWISE;
    case 180: return cv::ROTATE_180;
    case 270: return cv::ROTATE_90_COUNTERCLOCKWISE;
    default: return std::nullopt;
  }
}

class Decoder final : public FrameDecoder {
 public:
  explicit Decoder(const cv::VideoCapture& capture) : capture_(capture) {  // both are handles of the same
    capture_.set(cv::CAP_PROP_ORIENTATION_AUTO, 0);                        // frames are turned in retrieve()
  }

  VideoInfo info() const override {
    VideoInfo info{
        .size = {static_cast<int>(capture_.get(cv::CAP_PROP_FRAME_WIDTH)), static_cast<int>(capture_.get(cv::CAP_PROP_FRAME_HEIGHT))},
        .fps = capture_.get(cv::CAP_PROP_FPS),
        .rotation = 0,
        .frames = std::nullopt};
    const double frames = capture_.get(cv::CAP_PROP_FRAME_COUNT);
    if (frames >= 1 && frames < 1e15) info.frames = static_cast<std::size_t>(frames);
    return info;
  }

  bool grab() override {
    return opencv([&] { return capture_.grab(); });
  }

  bool retrieve(int rotation, Image& frame) override {
    return opencv([&] {
      if (!capture_.retrieve(stored_) || stored_.empty() || stored_.type() != CV_8UC3) return false;
      const bool swaps = rotation == 90 || rotation == 270;
      frame = {.pixels = std::vector<std::uint8_t>(stored_.total() * 3),
               .width = swaps ? stored_.rows : stored_.cols,
               .height = swaps ? stored_.cols : stored_.rows,
               .format = PixelFormat::bgr8};
      cv::Mat upright(frame.height, frame.width, CV_8UC3, frame.pixels.data());
      if (const auto turn = turn_of(rotation)) {
        cv::rotate(stored_, upright, *turn);
      } else {
        stored_.copyTo(upright);
      }
      return true;
    });
  }

  double time_ms() const override { return capture_.get(cv::CAP_PROP_POS_MSEC); }

 private:
  cv::VideoCapture capture_;
  cv::Mat stored_;
};

class Encoder final : public FrameEncoder {
 public:
  explicit Encoder(const cv::VideoWriter& writer) : writer_(writer) {}  // likewise

  void write(const Image& frame) override {
    opencv([&] { writer_.write(cv::Mat(frame.height, frame.width, CV_8UC3, const_cast<std::uint8_t*>(frame.pixels.data()))); });
  }

 private:
  cv::VideoWriter writer_;
};

/// @param source a file's path or a camera's number, and OpenCV's backend
template <class... Source>
std::unique_ptr<FrameDecoder> open(Source... source) {
  return opencv([&]() -> std::unique_ptr<FrameDecoder> {
    cv::VideoCapture capture;
    if (!capture.open(source...)) return nullptr;
    return std::make_unique<Decoder>(capture);
  });
}

constexpr VideoFunctions functions{
    .open_file = [](const std::filesystem::path& file) { return open(file.string(), static_cast<int>(cv::CAP_FFMPEG)); },
    .open_camera = [](int number) { return open(number, static_cast<int>(cv::CAP_V4L2)); },
    .create_file =
        [](const std::filesystem::path& file, const char* codec, double fps, Size size) {
          return opencv([&]() -> std::unique_ptr<FrameEncoder> {
            cv::VideoWriter writer;
            const int fourcc = cv::VideoWriter::fourcc(codec[0], codec[1], codec[2], codec[3]);
            if (!writer.open(file.string(), cv::CAP_FFMPEG, fourcc, fps, {size.width, size.height})) return nullptr;
            return std::make_unique<Encoder>(writer);
          });
        },
    .silence = [] { cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT); },
};

constexpr PosekitLibrary library{.posekit_version = POSEKIT_VERSION, .built_for = CV_VERSION, .functions = &functions};

}  // namespace

const PosekitLibrary* posekit_video() { return &library; }

}  // namespace posekit::inline v0
