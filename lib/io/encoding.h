/// What writing images and videos share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "posekit/image.h"

namespace posekit::inline v0 {

/// A to Z as a to z.
[[nodiscard]] std::string lower_case(std::string text);

/// The extension in lower case, with its dot.
[[nodiscard]] std::string lower_extension(const std::filesystem::path& path);

/// The image as encoders take it, without gaps: bgr8, or gray8 if that is allowed and the image is gray.
[[nodiscard]] Image packed(const ImageView& image, bool gray_allowed);

/// The bytes of a file, or why there are none.
struct EncodedImage {
  std::vector<std::byte> bytes;
  std::string why_not;  ///< Empty: there are.
};

// Encode images without gaps, bgr8 or gray8.
[[nodiscard]] EncodedImage encode_jpeg(const Image& image);
[[nodiscard]] EncodedImage encode_png(const Image& image);

}  // namespace posekit::inline v0
