/// Fuzz target: the headers of image files and the EXIF data in them.
#include "io/image_header.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "io/exif.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto header = posekit::read_image_header(bytes)) {
    if (header->orientation < 1 || header->orientation > 8) std::abort();
  }
  const int orientation = posekit::exif_orientation(bytes);
  if (orientation < 1 || orientation > 8) std::abort();
  return 0;
}
