/// The rows of a crop that enlarges its part of the image, bicubic along x.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "posekit/image.h"
#include "preprocess/warp.h"
#include "vector/kernels.h"

namespace posekit::inline v0 {

/// Row by row. Source rows are split into planes and blended along x once; the last four are kept, as the next crop row mostly needs three
/// of them again.
class CubicRows {
 public:
  /// All of it is borrowed. @param plan one that is_cubic
  CubicRows(const ImageView& image, const WarpPlan& plan, WarpScratch& scratch);

  /// Row v of the crop, to be blended from four rows. Valid until the next call.
  [[nodiscard]] CubicBlend row(int v);

  /// Values of scratch memory for crops of this width.
  [[nodiscard]] static std::size_t scratch_values(int width);

 private:
  using Planes = std::array<float*, 3>;

  void fill_columns();
  const Planes& blended_row(std::int64_t y);

  const ImageView& image_;
  const WarpPlan& plan_;
  std::size_t width_;
  std::int32_t* first_;  ///< Index of each column's first source pixel, in `source_`.
  std::array<float*, 4> weights_;
  Planes source_;  ///< A source row from the first column's first pixel to the last one's last; the border outside the image.
  std::int64_t source_begin_ = 0;  ///< Where these pixels are in the image's row: [begin, end).
  std::int64_t source_end_ = 0;
  std::array<Planes, 4> kept_;
  std::array<std::int64_t, 4> kept_index_{-1, -1, -1, -1};
  Planes outside_;  ///< A row outside the image.
};

}  // namespace posekit::inline v0
