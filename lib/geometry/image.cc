/// Checks borrowed image views.
#include "posekit/image.h"

#include <fmt/format.h>

#include "geometry/image_checks.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::invalid_argument, message); }

}  // namespace

void validate(const ImageView& image) {
  check_view(image);
  if (image.on_device()) {
    fail(
        fmt::format("image: its pixels are on cuda:{}, host memory is expected: only PoseEstimator reads images on a device; copy it to "
                    "the host first",
                    image.cuda_device));
  }
}

void check_view(const ImageView& image) {
  if (image.format > PixelFormat::rgba8)
    fail(fmt::format("image: pixel format {} is unknown: use a value of PixelFormat", static_cast<int>(image.format)));
  if (image.width <= 0 || image.height <= 0)
    fail(fmt::format("image: size {}x{}, a width and a height > 0 are expected", image.width, image.height));
  if (image.data == nullptr) fail("image: no data (null), a pointer to the top-left pixel is expected");
  if (image.cuda_device < -1)
    fail(fmt::format("image: cuda_device {}, a device's number or -1 (host memory) is expected", image.cuda_device));
  const std::size_t least = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(channels(image.format));
  if (image.stride < least) {
    fail(fmt::format("image: row stride {} bytes, at least width x channels = {} x {} = {} is expected", image.stride, image.width,
                     channels(image.format), least));
  }
}

}  // namespace posekit::inline v0
