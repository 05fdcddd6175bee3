/// Scratch memory of decoding.
#pragma once

#include <cstddef>
#include <vector>

namespace posekit::inline v0 {

/// Scratch memory of one slot, reused from call to call.
struct DecodeScratch {
  std::vector<double> patch;   ///< The values around a peak.
  std::vector<float> blurred;  ///< A whole channel, where its maximum is needed.

  /// Makes room for patches of a blur kernel of this size.
  void reserve(std::size_t kernel_size);
};

}  // namespace posekit::inline v0
