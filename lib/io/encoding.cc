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

cv::Mat to_mat(const ImageView& image, bool gray_allowed) {
  const int pixel = channels(image.format);
  const bool gray = gray_allowed && pixel == 1;
  const bool reversed = image.format == PixelFormat::rgb8 || image.format == PixelFormat::rgba8;
  cv::Mat mat(image.height, image.width, gray ? CV_8UC1 : CV_8UC3);
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* from = image.data + static_cast<std::size_t>(y) * image.stride;
    std::uint8_t* to = mat.ptr<std::uint8_t>(y);
    for (int x = 0; x < image.width; ++x, from += pixel) {
      for (int c = 0; c < (gray ? 1 : 3); ++c) *to++ = from[pixel == 1 ? 0 : reversed ? 2 - c : c];
    }
  }
  return mat;
}

}  // namespace posekit::inline v0
