/// From an image to a detector's whole input: letterbox or stretch.
#pragma once

#include "posekit/geometry.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

/// The transform of a detector's whole input: letterbox or stretch of an image of this size (docs/models.md).
[[nodiscard]] CropTransform resize_transform(Size image, const InputInfo& input);

}  // namespace posekit::inline v0
