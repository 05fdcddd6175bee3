/// Poses that were estimated with another keypoint set.
#pragma once

#include "posekit/keypoints.h"
#include "posekit/pose.h"

namespace posekit::inline v0 {

/// @throws Error invalid_argument if the pose has another number of keypoints than the set
void check_keypoint_count(const Pose& pose, const KeypointSet& keypoints);

}  // namespace posekit::inline v0
