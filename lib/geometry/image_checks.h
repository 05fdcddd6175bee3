/// Checks of an image wherever its pixels lie; `validate` is for images on the host.
#pragma once

#include "posekit/image.h"

namespace posekit::inline v0 {

/// @throws Error invalid_argument as validate, but images on a device are allowed
void check_view(const ImageView& image);

}  // namespace posekit::inline v0
