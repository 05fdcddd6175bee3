/// Poses that were estimated with another keypoint set.
#include "results/keypoint_count.h"

#include <fmt/format.h>

#include "posekit/error.h"

namespace posekit::inline v0 {

void check_keypoint_count(const Pose& pose, const KeypointSet& keypoints) {
  if (pose.keypoints.size() == keypoints.size()) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("a pose of {} keypoints was given with the set \"{}\" of {}: pass the estimator's",
                                                       pose.keypoints.size(), keypoints.name, keypoints.size()));
}

}  // namespace posekit::inline v0
