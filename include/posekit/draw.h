/// Drawing poses onto an image (library posekit::io).
#pragma once

#include <cstdint>
#include <span>

#include "posekit/export.h"
#include "posekit/image.h"
#include "posekit/keypoints.h"
#include "posekit/pose.h"

namespace posekit::inline v0 {

struct DrawOptions {
  float min_score = 0.3F;  ///< Keypoints below are not drawn, nor links with such an end; above, low scores are faded.
  bool boxes = true;       ///< Also draw each person's box, thin.
};

/// Draws links, then points, anti-aliased, in sizes that scale with each person; left, right and middle have their own colours.
/// A pose with a track_id gets its box and links in a colour of that id, the same in every picture (12 colours take turns); its points keep
/// their sides' colours.
/// @param image bgr8 or rgb8, changed in place
/// @param keypoints the set that the poses were estimated with
/// @throws Error invalid_argument if the image is of another format or a pose has another number of keypoints
POSEKIT_API void draw_poses(Image& image, std::span<const Pose> poses, const KeypointSet& keypoints, const DrawOptions& options = {});

}  // namespace posekit::inline v0
