/// The record that a heatmap is reduced to.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

namespace posekit::inline v0 {

/// A reduced channel: enough to refine its peak without the heatmap.
struct PeakRecord {
  float score = 0;     ///< The maximum, NaN skipped; first in row-major order on ties.
  std::int32_t x = 0;  ///< Its cell.
  std::int32_t y = 0;
  bool usable = false;  ///< Whether a peak exists and the values within its reach are finite; else: box centre, score 0.
  /// quarter: the raw neighbours in 3x3 row-major order; dark: the blurred (unscaled) values there. 0 where not needed.
  std::array<float, 9> around{};
  /// dark: maximum of the whole blurred channel; NaN where the answer does not depend on it.
  float blurred_max = std::numeric_limits<float>::quiet_NaN();
};

}  // namespace posekit::inline v0
