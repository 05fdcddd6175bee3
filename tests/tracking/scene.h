/// People of points who walk along known paths before a camera that errs in a known manner.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "posekit/keypoints.h"
#include "posekit/pose.h"

namespace posekit_test {

/// A walker: the feet's middle moves at constant speed and turns round at `turn_s`; limbs swing.
struct Walker {
  double height = 300;  ///< Pixels; 1.7 m.
  posekit::Point start;
  posekit::Point velocity;  ///< Pixels a second.
  double enter_s = 0;
  double leave_s = 1e9;
  double turn_s = 1e9;
  double phase = 0;
};

/// What the camera does.
struct Camera {
  double box_noise = 0.015;    ///< Standard deviation of each side, in heights.
  double point_noise = 0.008;  ///< Of each keypoint, in heights.
  double miss = 0;             ///< Chance that a person is not found.
  double ghost = 0;            ///< Chance of a box where nobody is, each frame.
  bool occlusion = false;      ///< Nearer people (lower feet) hide others: points, then score, then the person.
};

/// One frame: what was detected, and the truth. Who is hidden or missed is in the truth all the same.
struct Shot {
  double time_s = 0;
  std::vector<posekit::Pose> poses;
  std::vector<std::int64_t> people;  ///< Of each pose; -1 for a ghost.
  std::vector<posekit::Pose> truth;  ///< track_id is the walker's number; exact.
};

/// The walker at a time: exact box and coco17 keypoints.
[[nodiscard]] posekit::Pose exact_pose(const Walker& walker, double time_s);

[[nodiscard]] Shot shoot(const std::vector<Walker>& walkers, const Camera& camera, double time_s, std::mt19937& random);

/// Times from 0 on: regular at `fps`, or (irregular) with steps between 0.3 and 1.7 of it.
[[nodiscard]] std::vector<double> times(double seconds, double fps, bool irregular, std::mt19937& random);

/// A standard deviation of 1, the same on every platform.
[[nodiscard]] double gauss(std::mt19937& random);
/// 0 to 1.
[[nodiscard]] double uniform(std::mt19937& random);

}  // namespace posekit_test
