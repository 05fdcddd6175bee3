/// From a detector's candidates to persons: score filter, label filter, greedy non-maximum suppression.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "posekit/geometry.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// Indices of the boxes that stay, best first: by score, then by index; a box goes when its IoU with a kept one is > iou_threshold.
/// Boxes with a corner or score that is not finite are dropped.
[[nodiscard]] std::vector<std::size_t> nms(std::span<const Box> boxes, double iou_threshold);

/// Whether a candidate is a person at all: score above info.score_threshold, label info.person_label.
[[nodiscard]] bool is_person(float score, float label, const DetectInfo& info) noexcept;

}  // namespace posekit::inline v0
