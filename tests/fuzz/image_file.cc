/// Fuzz target: image files of every format. Only posekit's own part is instrumented; the codecs are those of the system.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "posekit/error.h"
#include "posekit/image_io.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const posekit::Image image = posekit::decode_image(std::as_bytes(std::span(data, size)), "image", {.max_pixels = 1 << 14});
    if (image.pixels.size() != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3) std::abort();
  } catch (const posekit::Error&) {
  }
  return 0;
}
