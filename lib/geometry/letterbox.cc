/// From an image to a detector's whole input: letterbox or stretch.
#include "geometry/letterbox.h"

#include <algorithm>

namespace posekit::inline v0 {

CropTransform resize_transform(Size image, Size input, const DetectInfo& info) {
  const double stretch_x = static_cast<double>(input.width) / image.width;
  const double stretch_y = static_cast<double>(input.height) / image.height;
  const bool stretch = info.resize == Resize::stretch;
  const double scale = std::min(stretch_x, stretch_y);
  CropTransform transform;
  transform.scale_x = stretch ? stretch_x : scale;
  transform.scale_y = stretch ? stretch_y : scale;
  const bool centred = !stretch && info.pad == Pad::center;
  // Pixel edges coincide: u + 1/2 = (x + 1/2) * scale + room on the left.
  transform.offset_x = transform.scale_x / 2 - 0.5 + (centred ? (input.width - scale * image.width) / 2 : 0);
  transform.offset_y = transform.scale_y / 2 - 0.5 + (centred ? (input.height - scale * image.height) / 2 : 0);
  return transform;
}

}  // namespace posekit::inline v0
