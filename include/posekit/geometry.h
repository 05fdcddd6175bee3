/// Points, boxes and the transform from an image to a model's crop.
///
/// In image coordinates x points right and y down; (0, 0) is the centre of the top-left pixel.
#pragma once

#include <cstdint>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// Holds a position, in the pixels that the context names.
struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

/// Holds a width and a height, in whole pixels or cells.
struct Size {
  int width = 0;
  int height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// Holds a person's bounding box, in image pixels.
///
/// The box may extend beyond the image, or be wholly outside of it.
struct Box {
  double x1 = 0;    ///< Left.
  double y1 = 0;    ///< Top.
  double x2 = 0;    ///< Right, > x1.
  double y2 = 0;    ///< Bottom, > y1.
  float score = 1;  ///< The detector's confidence; 1 for a box of the caller's own.
  friend bool operator==(const Box&, const Box&) = default;
};

/// Returns whether all corners are finite, x2 > x1 and y2 > y1.
///
/// The score plays no part.
[[nodiscard]] POSEKIT_API bool is_valid(const Box& box) noexcept;

/// Says how pixel grids of different sizes are laid on each other.
///
/// UDP is from Huang et al., "The Devil Is in the Details", CVPR 2020.
enum class Alignment : std::uint8_t {
  udp,     ///< The centres of the outermost pixels coincide: sizes count as W-1.
  classic  ///< Sizes count as W, the way of HRNet and other classic models.
};

/// Maps image pixels (x, y) to crop pixels (u, v), along each axis alone.
///
/// u = scale_x * x + offset_x, v = scale_y * y + offset_y.
struct CropTransform {
  double scale_x = 1;
  double offset_x = 0;
  double scale_y = 1;
  double offset_y = 0;

  /// Maps image pixels to crop pixels.
  [[nodiscard]] Point apply(Point p) const noexcept { return {scale_x * p.x + offset_x, scale_y * p.y + offset_y}; }
  /// Maps crop pixels to image pixels: the exact inverse.
  [[nodiscard]] Point inverse(Point p) const noexcept { return {(p.x - offset_x) / scale_x, (p.y - offset_y) / scale_y}; }
};

/// Says which part of an image a crop shows, in image pixels.
struct CropRegion {
  Point centre;
  Point size;  ///< Width and height after padding and after growing to the model's aspect ratio.
};

/// Returns the region of an image that a model of this input size sees for this box.
///
/// @param box a valid box in image pixels
/// @param input the model's input size, whose aspect ratio decides, never the image's
/// @param padding factor on the box's size, 1.25 for most models
/// @throws Error invalid_argument if the box is not valid, or `input` or `padding` is not positive
[[nodiscard]] POSEKIT_API CropRegion crop_region(const Box& box, Size input, double padding);

/// Returns the map from image pixels to the pixels of the model's input for that region.
///
/// @throws Error invalid_argument if the region is so small or far off that the map is not finite
[[nodiscard]] POSEKIT_API CropTransform crop_transform(const CropRegion& region, Size input, Alignment alignment);

/// Returns the intersection over union of two boxes.
///
/// Negative sides count as 0, and the result is 0 where the union is 0.
[[nodiscard]] POSEKIT_API double iou(const Box& a, const Box& b) noexcept;

}  // namespace posekit::inline v0
