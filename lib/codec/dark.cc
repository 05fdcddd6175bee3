/// The Gaussian of DARK's blur.
#include "codec/dark.h"

#include <cmath>

namespace posekit::inline v0 {

std::vector<double> gaussian_kernel(int size) {
  // OpenCV's tables for small kernels; they are not what its own formula gives.
  switch (size) {
    case 1: return {1};
    case 3: return {0.25, 0.5, 0.25};
    case 5: return {0.0625, 0.25, 0.375, 0.25, 0.0625};
    case 7: return {0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125};
    case 9: return {4.0 / 256, 13.0 / 256, 30.0 / 256, 51.0 / 256, 60.0 / 256, 51.0 / 256, 30.0 / 256, 13.0 / 256, 4.0 / 256};
    default: break;
  }
  const double sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8;
  std::vector<double> kernel(static_cast<std::size_t>(size));
  double sum = 0;
  for (int i = 0; i < size; ++i) {
    const double distance = i - (size - 1) / 2.0;
    sum += kernel[static_cast<std::size_t>(i)] = std::exp(-distance * distance / (2 * sigma * sigma));
  }
  for (double& value : kernel) value /= sum;
  return kernel;
}

}  // namespace posekit::inline v0
