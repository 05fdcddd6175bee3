/// How alike a known person and a pose are.
#pragma once

#include <span>
#include <vector>

#include "posekit/keypoints.h"
#include "posekit/pose.h"
#include "posekit/tracker.h"
#include "tracking/tracker_state.h"

namespace posekit::inline v0 {

/// Where a known person should be now.
struct Expectation {
  Box box;
  Point moved;      ///< How far it should have moved since it was last seen.
  double size = 1;  ///< The person's, pixels.
};

/// Compares by the options' rules; immutable.
class Similarity {
 public:
  /// @throws Error invalid_argument if the sigmas don't fit
  Similarity(const KeypointSet& keypoints, const TrackerOptions& options);

  /// The mean of IoU and OKS by weight, 0 to 1; 0 for boxes that do not touch.
  [[nodiscard]] double operator()(const Track& track, const Expectation& expected, const Pose& pose) const noexcept;

  /// Whether a keypoint plays a part: its place is sound and its score high enough.
  [[nodiscard]] bool counts(const Keypoint& keypoint) const noexcept;

  [[nodiscard]] std::size_t keypoint_count() const noexcept { return fall_off_.size(); }

 private:
  std::vector<double> fall_off_;  // 1 / (8 sigma^2) of each keypoint
  double weight_;
  float keypoint_score_;
};

/// Whether a keypoint can be filtered at all: its score is > 0 and its place is finite and within reach.
[[nodiscard]] bool is_usable(const Keypoint& keypoint) noexcept;

}  // namespace posekit::inline v0
