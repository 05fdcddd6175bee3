/// What writing images and videos share.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <string>

#include "posekit/image.h"

namespace posekit::inline v0 {

/// A to Z as a to z.
[[nodiscard]] std::string lower_case(std::string text);

/// The extension in lower case, with its dot.
[[nodiscard]] std::string lower_extension(const std::filesystem::path& path);

/// The image as OpenCV encodes it, without gaps: bgr8, or gray8 if that is allowed and the image is gray.
[[nodiscard]] cv::Mat to_mat(const ImageView& image, bool gray_allowed);

}  // namespace posekit::inline v0
