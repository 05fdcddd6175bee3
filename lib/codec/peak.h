/// Reduce and refine: from one channel's heatmap to one record, and from the record to a position.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "posekit/geometry.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

/// What is left of a channel: enough to refine its peak without the heatmap.
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

/// Scratch memory of one slot, reused from call to call.
struct DecodeScratch {
  std::vector<double> patch;   ///< What lies around a peak.
  std::vector<float> blurred;  ///< A whole channel, where its maximum is needed.

  /// Makes room for patches of a blur kernel of this size.
  void reserve(std::size_t kernel_size);
};

/// A position in heatmap cells (simcc: bins; regression: input pixels).
struct CellPoint {
  double x = 0;
  double y = 0;
  float score = 0;
  bool usable = false;  ///< False: the box centre, score 0.
};

/// Reduces one channel [h,w]. @param kernel gaussian_kernel(b) for dark, else ignored
[[nodiscard]] PeakRecord reduce_peak(std::span<const float> heatmap, Size size, Refinement refinement, std::span<const double> kernel,
                                     DecodeScratch& scratch);

/// Refines a record; positions that are not well posed stay at the integer peak.
[[nodiscard]] CellPoint refine_peak(const PeakRecord& record, Size size, Refinement refinement);

}  // namespace posekit::inline v0
