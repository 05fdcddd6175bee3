/// What writing images and videos share.
#include "io/encoding.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace posekit::inline v0 {

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

std::string lower_extension(const std::filesystem::path& path) { return lower_case(path.extension().string()); }

Image packed(const ImageView& image, bool gray_allowed) {
  const auto step = static_cast<std::size_t>(channels(image.format));
  const bool gray = gray_allowed && step == 1;
  const std::size_t kept = gray ? 1 : 3;
  const bool reversed = image.format == PixelFormat::rgb8 || image.format == PixelFormat::rgba8;
  Image result{std::vector<std::uint8_t>(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * kept),
               image.width, image.height, gray ? PixelFormat::gray8 : PixelFormat::bgr8};
  std::uint8_t* to = result.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* from = image.data + static_cast<std::size_t>(y) * image.stride;
    for (int x = 0; x < image.width; ++x, from += step) {
      for (std::size_t c = 0; c < kept; ++c) *to++ = from[step == 1 ? 0 : reversed ? 2 - c : c];
    }
  }
  return result;
}

}  // namespace posekit::inline v0
