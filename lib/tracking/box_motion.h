/// Where a person's box will be: a Kalman filter in seconds and in sizes of the person.
#pragma once

#include <optional>

#include "posekit/geometry.h"

namespace posekit::inline v0 {

/// One coordinate and its velocity: constant but for white noise in the acceleration.
struct MovingAxis {
  double position = 0;  ///< Pixels.
  double velocity = 0;  ///< Pixels a second.
  double variance = 0;  ///< Of the position; then its covariance with the velocity, and the velocity's variance.
  double covariance = 0;
  double velocity_variance = 0;
  friend bool operator==(const MovingAxis&, const MovingAxis&) = default;
};

/// A length that drifts.
struct DriftingLength {
  double length = 1;
  double variance = 0;
  friend bool operator==(const DriftingLength&, const DriftingLength&) = default;
};

/// A box in motion. Centre and sides do not influence each other, so the filter of ByteTrack's kind falls apart into four small ones.
struct BoxMotion {
  MovingAxis x;
  MovingAxis y;
  DriftingLength width;
  DriftingLength height;
  friend bool operator==(const BoxMotion&, const BoxMotion&) = default;
};

/// The square root of the area, at least a pixel: the unit of a person's lengths.
[[nodiscard]] double size_of(const BoxMotion& motion) noexcept;
[[nodiscard]] Box box_of(const BoxMotion& motion, float score) noexcept;

/// A person just seen for the first time.
[[nodiscard]] BoxMotion start_motion(const Box& seen) noexcept;
/// The same person so many seconds later. As one step goes as several that make up the same time.
[[nodiscard]] BoxMotion predict(const BoxMotion& motion, double seconds) noexcept;
/// Takes in a box that was seen at the time that `motion` stands for.
void correct(BoxMotion& motion, const Box& seen) noexcept;
/// Takes in how far from there the person was seen, where no box tells its sides.
void correct(BoxMotion& motion, Point shift) noexcept;

}  // namespace posekit::inline v0
