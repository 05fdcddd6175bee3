/// A position in the units of a codec.
#pragma once

namespace posekit::inline v0 {

/// A position in heatmap cells (simcc: bins; regression: input pixels).
struct CellPoint {
  double x = 0;
  double y = 0;
  float score = 0;
  bool usable = false;  ///< False: the box centre, score 0.
};

}  // namespace posekit::inline v0
