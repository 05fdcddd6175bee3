/// The exact separable warp from an image into a staging buffer: bilinear, or bicubic where it enlarges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "posekit/export.h"
#include "posekit/geometry.h"
#include "posekit/image.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// How crop pixels are looked up: transform and border.
struct WarpPlan {
  CropTransform transform;  ///< Image pixels to crop pixels.
  Size size;                ///< The crop's size.
  ColorOrder color = ColorOrder::rgb;
  std::uint8_t border = 0;                          ///< Grey level outside the image, blended at the edge.
  Interpolation enlarge = Interpolation::bilinear;  ///< Where both axes are enlarged, or kept; else bilinear.
};

/// Scratch memory of one slot, reused from call to call.
struct WarpScratch {
  std::vector<std::byte> memory;

  /// Makes room for crops of this width; keeps what is there when it fits.
  void reserve(int width);
};

/// Warps rows [first_row, last_row) of the crop, rounded to uint8 (half up), interleaved in plan.color.
/// Within 1 grey level of the float64 formula everywhere. Rows of one crop may be warped by several threads at once.
/// @param out the whole crop's buffer [H,W,3]
void warp_rows(const ImageView& image, const WarpPlan& plan, int first_row, int last_row, std::uint8_t* out, WarpScratch& scratch);

/// As warp_rows, then (value - mean) / std into planes.
/// @param out the whole crop's buffer [3,H,W]
void warp_rows_normalized(const ImageView& image, const WarpPlan& plan, const std::array<double, 3>& mean, const std::array<double, 3>& std,
                          int first_row, int last_row, float* out, WarpScratch& scratch);

/// Copies a crop [3,H,W] mirrored in x: the flip test's second input.
POSEKIT_API void mirror_crop(const float* crop, Size size, float* out);

}  // namespace posekit::inline v0
