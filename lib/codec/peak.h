/// Reduce and refine: from one channel's heatmap to one record, and from the record to a position.
#pragma once

#include <span>
#include <vector>

#include "codec/peak_record.h"
#include "posekit/geometry.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

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
