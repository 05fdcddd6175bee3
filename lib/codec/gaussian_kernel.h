/// The Gaussian of DARK's blur.
#pragma once

#include <vector>

namespace posekit::inline v0 {

/// The coefficients of OpenCV's getGaussianKernel(size, 0): fixed tables up to 9, sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8 above.
/// @param size odd, >= 1
[[nodiscard]] std::vector<double> gaussian_kernel(int size);

}  // namespace posekit::inline v0
