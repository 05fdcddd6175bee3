/// cv::Mat adaptors, inline; the only public header that names OpenCV, and not part of posekit.h.
#pragma once

#include <opencv2/core/mat.hpp>

#include "posekit/error.h"
#include "posekit/image.h"

namespace posekit::inline v0 {

/// Returns a view of a Mat's pixels.
///
/// The pixels are borrowed: the Mat must outlive the view and must not be reallocated.
///
/// @param mat CV_8UC1 (gray), CV_8UC3 (read as BGR) or CV_8UC4 (read as BGRA), as OpenCV reads
///     files
/// @throws Error invalid_argument if the Mat is of another type, empty or not two-dimensional
[[nodiscard]] inline ImageView view_of(const cv::Mat& mat) {
  PixelFormat format{};
  switch (mat.type()) {
    case CV_8UC1: format = PixelFormat::gray8; break;
    case CV_8UC3: format = PixelFormat::bgr8; break;
    case CV_8UC4: format = PixelFormat::bgra8; break;
    default:
      throw Error(ErrorCode::invalid_argument, "cv::Mat of type " + std::to_string(mat.type()) +
                                                   " given, CV_8UC1, CV_8UC3 or CV_8UC4 expected: convert it (Mat::convertTo)");
  }
  if (mat.dims != 2 || mat.empty()) throw Error(ErrorCode::invalid_argument, "cv::Mat is empty or not two-dimensional: pass an image");
  return {mat.data, mat.cols, mat.rows, mat.step[0], format};
}

/// Returns a Mat over the image's pixels.
///
/// The pixels are borrowed: the image must outlive the Mat.
[[nodiscard]] inline cv::Mat mat_of(Image& image) {
  return {image.height, image.width, CV_8UC(channels(image.format)), image.pixels.data()};
}

}  // namespace posekit::inline v0
