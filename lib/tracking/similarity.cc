/// Intersection over union and object keypoint similarity.
#include "tracking/similarity.h"

#include <fmt/format.h>

#include <cmath>

#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

constexpr double mean_sigma = 0.067;        // of COCO's 17, for sets that have none
constexpr std::size_t fewest_compared = 3;  // less says nothing of a person

bool touch(const Box& a, const Box& b) { return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2; }

}  // namespace

Similarity::Similarity(const KeypointSet& keypoints, const TrackerOptions& options)
    : weight_(options.oks_weight), keypoint_score_(options.keypoint_score) {
  if (!keypoints.sigmas.empty() && keypoints.sigmas.size() != keypoints.size()) {
    throw Error(ErrorCode::invalid_argument, fmt::format("keypoint set \"{}\" has {} sigmas for {} keypoints: give one for each, or none",
                                                         keypoints.name, keypoints.sigmas.size(), keypoints.size()));
  }
  for (std::size_t i = 0; i < keypoints.size(); ++i) {
    const double sigma = keypoints.sigmas.empty() ? mean_sigma : keypoints.sigmas[i];
    if (!(sigma >= 1e-6 && sigma <= 1e6)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("keypoint set \"{}\": sigma {} is {}, a number from 1e-6 to 1e6 is expected", keypoints.name, i, sigma));
    }
    fall_off_.push_back(1 / (8 * sigma * sigma));
  }
}

bool is_usable(const Keypoint& keypoint) noexcept {
  const auto within = [](float place) { return std::abs(static_cast<double>(place)) <= farthest_pixel; };  // false for NaN
  return keypoint.score > 0 && within(keypoint.x) && within(keypoint.y);
}

bool Similarity::counts(const Keypoint& keypoint) const noexcept { return is_usable(keypoint) && keypoint.score >= keypoint_score_; }

double Similarity::operator()(const Track& track, const Expectation& expected, const Pose& pose) const noexcept {
  if (!touch(expected.box, pose.box)) return 0;
  const double overlap = iou(expected.box, pose.box);
  if (weight_ == 0) return overlap;
  const double per_area = 1 / (expected.size * expected.size);
  double sum = 0;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < fall_off_.size(); ++i) {
    if (!track.points[i].comparable || !counts(pose.keypoints[i])) continue;
    const double dx = static_cast<double>(pose.keypoints[i].x) - track.points[i].raw.x - expected.moved.x;
    const double dy = static_cast<double>(pose.keypoints[i].y) - track.points[i].raw.y - expected.moved.y;
    sum += std::exp(-(dx * dx + dy * dy) * per_area * fall_off_[i]);
    ++compared;
  }
  if (compared < fewest_compared) return overlap;
  return (1 - weight_) * overlap + weight_ * sum / static_cast<double>(compared);
}

}  // namespace posekit::inline v0
