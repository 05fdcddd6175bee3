/// From a detector's candidates to persons.
#include "detection/nms.h"

#include <algorithm>
#include <cmath>

namespace posekit::inline v0 {
namespace {

bool is_finite(const Box& box) {
  return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2) && std::isfinite(box.score);
}

}  // namespace

std::vector<std::size_t> nms(std::span<const Box> boxes, double iou_threshold) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (is_finite(boxes[i])) order.push_back(i);
  }
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return boxes[i].score; });

  std::vector<std::size_t> kept;
  for (const std::size_t candidate : order) {
    const bool suppressed = std::ranges::any_of(kept, [&](std::size_t i) { return iou(boxes[i], boxes[candidate]) > iou_threshold; });
    if (!suppressed) kept.push_back(candidate);
  }
  return kept;
}

bool is_person(float score, float label, const DetectInfo& info) noexcept {
  // Compared as float, so that a score of 0.3F does not exceed a threshold of 0.3.
  return std::isfinite(score) && score > static_cast<float>(info.score_threshold) && label == static_cast<float>(info.person_label);
}

}  // namespace posekit::inline v0
