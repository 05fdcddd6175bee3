/// Reduce and refine: from one channel's heatmap to one record, and from the record to a position.
#pragma once

#include <cstddef>
#include <span>

#include "codec/cell_point.h"
#include "codec/decode_scratch.h"
#include "codec/peak_record.h"
#include "posekit/export.h"
#include "posekit/geometry.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// What refine_peak costs, in values that are looked at.
constexpr std::size_t refine_cost = 2048;

/// Reduces one channel [h,w]. @param kernel gaussian_kernel(b) for dark, else ignored
[[nodiscard]] POSEKIT_API PeakRecord reduce_peak(std::span<const float> heatmap, Size size, Refinement refinement,
                                                 std::span<const double> kernel, DecodeScratch& scratch);

/// How many cells around a peak its refinement reads.
[[nodiscard]] POSEKIT_API int peak_reach(Refinement refinement, std::size_t kernel_size) noexcept;

/// Reduces a channel of which only the cells around its maximum are known, as reduce_peak would.
/// @param peak the maximum's cell, in row-major order
/// @param patch the cells within peak_reach of it, row by row; values outside of the map are not used, but there repeat the nearest cell
/// @return whether they decide: if not, the record lacks blurred_max, or, where its score is NaN, everything
[[nodiscard]] POSEKIT_API bool reduce_patch(std::size_t peak, std::span<const float> patch, Size size, Refinement refinement,
                                            std::span<const double> kernel, DecodeScratch& scratch, PeakRecord& record);

/// Refines a record; positions that are not well posed stay at the integer peak.
[[nodiscard]] CellPoint refine_peak(const PeakRecord& record, Size size, Refinement refinement);

}  // namespace posekit::inline v0
