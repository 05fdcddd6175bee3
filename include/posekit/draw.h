/// Drawing poses onto an image (library posekit::io).
#pragma once

#include <cstdint>
#include <span>

#include "posekit/export.h"
#include "posekit/image.h"
#include "posekit/keypoints.h"
#include "posekit/pose.h"

namespace posekit::inline v0 {

/// Sets what `draw_poses` draws.
struct DrawOptions {
  /// Keypoints below it are not drawn, nor links with such an end; above it, low scores are faded.
  float min_score = 0.3F;
  bool boxes = true;  ///< Also draw each person's box, thin.
};

/// Draws poses onto an image, anti-aliased: for each the links, then the points.
///
/// Sizes scale with each person's box. Where keypoints are close together, as on hands and the face,
/// lines and points are finer: a line's width is at most a quarter of the distance from either of its
/// ends to the third-nearest keypoint that is drawn, and points shrink with the lines. What would be
/// thinner than a pixel is a pixel wide and fainter.
///
/// Left, right and middle have their own colours.
///
/// A pose with a track_id gets its box and links in a colour of that id, the same in every picture
/// (12 colours take turns). Its points keep their sides' colours.
///
/// @param image bgr8 or rgb8, changed in place
/// @param keypoints the set that the poses were estimated with
/// @throws Error invalid_argument if the image is not valid or of another format
/// @throws Error invalid_argument if a pose has another number of keypoints
POSEKIT_API void draw_poses(Image& image, std::span<const Pose> poses, const KeypointSet& keypoints, const DrawOptions& options = {});

}  // namespace posekit::inline v0
