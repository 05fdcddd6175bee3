/// DARK's constants, and the Gaussian of its blur.
#pragma once

#include <vector>

namespace posekit::inline v0 {

/// The map whose logarithm is taken is clipped to [dark_lowest, dark_highest].
constexpr double dark_lowest = 1e-3;
constexpr double dark_highest = 50;
/// Added to the second derivatives on the diagonal.
constexpr double dark_diagonal = 1.1920929e-7;
/// Cells; a farther offset is no refinement of this peak.
constexpr double dark_longest_offset = 2;

/// How many cells around a peak its refinement reads.
[[nodiscard]] constexpr int dark_reach(int kernel_size) noexcept { return kernel_size / 2 + 1; }

/// The coefficients of OpenCV's getGaussianKernel(size, 0): fixed tables up to 9, sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8 above.
/// @param size odd, >= 1
[[nodiscard]] std::vector<double> gaussian_kernel(int size);

}  // namespace posekit::inline v0
