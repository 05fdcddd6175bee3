/// Reduce and refine: from one channel's heatmap to one record, and from the record to a position.
#pragma once

#include <cstddef>
#include <span>

#include "codec/cell_point.h"
#include "codec/decode_scratch.h"
#include "codec/peak_record.h"
#include "posekit/geometry.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// What refine_peak costs, in values that are looked at.
constexpr std::size_t refine_cost = 2048;

/// Reduces one channel [h,w]. @param kernel gaussian_kernel(b) for dark, else ignored
[[nodiscard]] PeakRecord reduce_peak(std::span<const float> heatmap, Size size, Refinement refinement, std::span<const double> kernel,
                                     DecodeScratch& scratch);

/// Refines a record; positions that are not well posed stay at the integer peak.
[[nodiscard]] CellPoint refine_peak(const PeakRecord& record, Size size, Refinement refinement);

}  // namespace posekit::inline v0
