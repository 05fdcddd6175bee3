/// From an image to a detector's whole input: letterbox or stretch.
#pragma once

#include "posekit/geometry.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// The transform of a detector's whole input: letterbox or stretch of an image of this size (docs/models.md).
[[nodiscard]] CropTransform resize_transform(Size image, Size input, const DetectInfo& info);

}  // namespace posekit::inline v0
