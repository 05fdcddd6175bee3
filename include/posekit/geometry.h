/// Points, boxes and the transform from an image to a model's crop.
///
/// Image coordinates: x right, y down, (0, 0) at the centre of the top-left pixel.
#pragma once

#include <cstdint>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// A position, in pixels of whatever the context names.
struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

/// A width and a height in whole pixels or cells.
struct Size {
  int width = 0;
  int height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// A person's bounding box in image pixels. It may leave the image, wholly too.
struct Box {
  double x1 = 0;    ///< Left.
  double y1 = 0;    ///< Top.
  double x2 = 0;    ///< Right, > x1.
  double y2 = 0;    ///< Bottom, > y1.
  float score = 1;  ///< The detector's confidence; 1 for a box of the caller's own.
  friend bool operator==(const Box&, const Box&) = default;
};

/// Whether all corners are finite, x2 > x1 and y2 > y1. The score plays no part.
[[nodiscard]] POSEKIT_API bool is_valid(const Box& box) noexcept;

/// How pixel grids of different sizes are laid on each other.
enum class Alignment : std::uint8_t {
  udp,     ///< Centres of the outermost pixels coincide: sizes count as W-1 (Huang et al., "The Devil Is in the Details", CVPR 2020).
  classic  ///< Sizes count as W, the way of HRNet and other classic models.
};

/// An axis-aligned map u = scale_x * x + offset_x, v = scale_y * y + offset_y from image to crop pixels.
struct CropTransform {
  double scale_x = 1;
  double offset_x = 0;
  double scale_y = 1;
  double offset_y = 0;

  /// Image pixels to crop pixels.
  [[nodiscard]] Point apply(Point p) const noexcept { return {scale_x * p.x + offset_x, scale_y * p.y + offset_y}; }
  /// Crop pixels to image pixels: the exact inverse.
  [[nodiscard]] Point inverse(Point p) const noexcept { return {(p.x - offset_x) / scale_x, (p.y - offset_y) / scale_y}; }
};

/// Where a crop lies in the image: its centre, and its size after padding and after growing to the model's aspect.
struct CropRegion {
  Point centre;
  Point size;
};

/// The region that a model of this input size looks at for this box.
/// @param box valid box in image pixels
/// @param input the model's input size (its aspect decides, never the image's)
/// @param padding factor on the box's size, 1.25 for most models
/// @throws Error invalid_argument if the box is not valid, or input or padding is not positive
[[nodiscard]] POSEKIT_API CropRegion crop_region(const Box& box, Size input, double padding);

/// The map from image pixels to the pixels of the model's input for that region.
/// @throws Error invalid_argument if the region is so small or far off that the map is not finite
[[nodiscard]] POSEKIT_API CropTransform crop_transform(const CropRegion& region, Size input, Alignment alignment);

/// Intersection over union of two boxes; negative sides count as 0, and the result is 0 where the union is 0.
[[nodiscard]] POSEKIT_API double iou(const Box& a, const Box& b) noexcept;

}  // namespace posekit::inline v0
