/// The same picture in every pixel format gives the same poses.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <vector>

#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/paths.h"

using namespace posekit;

namespace {

/// The picture in another format, rows padded by a few bytes of noise.
struct PaddedImage {
  std::vector<std::uint8_t> bytes;
  ImageView view;
};

PaddedImage converted(const Image& bgr, PixelFormat format) {
  const auto width = static_cast<std::size_t>(bgr.width);
  const auto height = static_cast<std::size_t>(bgr.height);
  const auto pixel = static_cast<std::size_t>(channels(format));
  const std::size_t stride = width * pixel + 13;
  PaddedImage out{std::vector<std::uint8_t>(stride * height, 0xA5), {}};
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const std::uint8_t* from = &bgr.pixels[(y * width + x) * 3];
      std::uint8_t* to = &out.bytes[y * stride + x * pixel];
      const bool reversed = format == PixelFormat::rgb8 || format == PixelFormat::rgba8;
      for (std::size_t c = 0; c < std::min<std::size_t>(pixel, 3); ++c) to[c] = from[reversed ? 2 - c : c];
      if (pixel == 4) to[3] = static_cast<std::uint8_t>(x * 7 + y);
    }
  }
  out.view = {out.bytes.data(), bgr.width, bgr.height, stride, format};
  return out;
}

Image gray_of(const Image& bgr) {
  Image out = bgr;
  for (std::size_t i = 0; i < out.pixels.size(); i += 3) out.pixels[i] = out.pixels[i + 2] = out.pixels[i + 1];
  return out;
}

}  // namespace

TEST_CASE("bgr8, rgb8, bgra8 and rgba8 with padded rows give bit-equal boxes and poses") {
  const PixelFormat format = GENERATE(PixelFormat::bgr8, PixelFormat::rgb8, PixelFormat::bgra8, PixelFormat::rgba8);
  const auto root = posekit_test::source_dir();
  const PoseEstimator estimator(root / "examples/models/pose_landmark_lite.pt");
  const PersonDetector detector(root / "examples/models/person_detector.pt");
  const Image image = read_image(root / "examples/images/astronaut.jpg");
  const PaddedImage other = converted(image, format);
  const auto boxes = detector.detect(image.view());
  REQUIRE(boxes.size() == 1);
  CHECK(detector.detect(other.view) == boxes);
  CHECK(estimator.estimate(other.view, boxes).poses == estimator.estimate(image.view(), boxes).poses);
}

TEST_CASE("gray8 gives what the same picture spread to three channels gives") {
  const auto root = posekit_test::source_dir();
  const PoseEstimator estimator(root / "examples/models/pose_landmark_lite.pt");
  const Image spread = gray_of(read_image(root / "examples/images/astronaut.jpg"));
  const PaddedImage gray = converted(spread, PixelFormat::gray8);
  const std::vector<Box> boxes{{50, 20, 400, 500}};
  CHECK(estimator.estimate(gray.view, boxes).poses == estimator.estimate(spread.view(), boxes).poses);
}
