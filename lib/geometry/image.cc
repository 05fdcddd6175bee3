/// Checks borrowed image views.
#include "posekit/image.h"

#include <fmt/format.h>

#include "posekit/error.h"

namespace posekit::inline v0 {

void validate(const ImageView& image) {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::invalid_argument, message); };
  if (image.format > PixelFormat::rgba8)
    fail(fmt::format("image: pixel format {} is unknown: take one of PixelFormat", static_cast<int>(image.format)));
  if (image.width <= 0 || image.height <= 0) fail(fmt::format("image: size {}x{}, both must be > 0", image.width, image.height));
  if (image.data == nullptr) fail("image: no data (null), a pointer to the top-left pixel is expected");
  const std::size_t least = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(channels(image.format));
  if (image.stride < least) {
    fail(fmt::format("image: row stride {} bytes, at least width x channels = {} x {} = {} is expected", image.stride, image.width,
                     channels(image.format), least));
  }
}

}  // namespace posekit::inline v0
