/// The One-Euro filter of one keypoint, in seconds and in sizes of the person.
#pragma once

#include "posekit/geometry.h"
#include "posekit/tracker.h"

namespace posekit::inline v0 {

/// What is known of one keypoint.
struct PointFilter {
  double time_s = 0;        ///< When it was last seen.
  Point raw;                ///< Where it was seen then,
  Point smooth;             ///< and what was given out.
  Point velocity;           ///< Smoothed, pixels a second.
  bool seen = false;        ///< False: the rest means nothing.
  bool comparable = false;  ///< Seen by the person's last sighting, with a score that counts.
  friend bool operator==(const PointFilter&, const PointFilter&) = default;
};

/// Takes in where the keypoint was seen and tells its smooth place. After a longer gap than options.max_gap_s it starts anew.
/// @param time_s later than the last sighting
/// @param size the person's, pixels, > 0
Point smooth(PointFilter& filter, Point seen, double time_s, double size, const SmoothingOptions& options) noexcept;

}  // namespace posekit::inline v0
