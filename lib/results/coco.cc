/// COCO key point results and object keypoint similarity.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "posekit/error.h"
#include "posekit/result_io.h"
#include "results/number.h"

namespace posekit::inline v0 {
namespace {

constexpr float counted_score = 0.2F;  // keypoints above it make the instance's score, as mmpose's rescoring has it

double instance_score(const Pose& pose) {
  double sum = 0;
  int count = 0;
  for (const Keypoint& keypoint : pose.keypoints) {
    if (!(keypoint.score > counted_score) || !std::isfinite(keypoint.score)) continue;
    sum += static_cast<double>(keypoint.score);
    ++count;
  }
  return count == 0 ? 0 : static_cast<double>(pose.box.score) * sum / count;
}

std::string id_text(const CocoImageId& id) {
  if (const auto* number = std::get_if<std::int64_t>(&id)) return fmt::format("{}", *number);
  return nlohmann::json(std::get<std::string>(id)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string to_coco_entries(const ImageResult& result, const CocoImageId& image_id) {
  std::string text;
  for (const Pose& pose : result.poses) {
    if (!text.empty()) text += ",\n";
    text += fmt::format(R"({{"image_id": {}, "category_id": 1, "keypoints": [)", id_text(image_id));
    for (std::size_t i = 0; i < pose.keypoints.size(); ++i) {
      text += fmt::format("{}{}, {}, {}", i == 0 ? "" : ", ", json_number(pose.keypoints[i].x), json_number(pose.keypoints[i].y),
                          json_number(pose.keypoints[i].score));
    }
    text += fmt::format(R"(], "score": {}}})", json_number(instance_score(pose)));
  }
  return text;
}

double object_keypoint_similarity(std::span<const Keypoint> pose, std::span<const Keypoint> labelled, std::span<const double> sigmas,
                                  double area) {
  if (pose.size() != labelled.size() || pose.size() != sigmas.size()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("a pose of {} keypoints, {} labels and {} sigmas were given, three equal numbers are expected", pose.size(),
                            labelled.size(), sigmas.size()));
  }
  double sum = 0;
  int count = 0;
  for (std::size_t i = 0; i < pose.size(); ++i) {
    if (!(labelled[i].score > 0)) continue;
    const double dx = static_cast<double>(pose[i].x) - static_cast<double>(labelled[i].x);
    const double dy = static_cast<double>(pose[i].y) - static_cast<double>(labelled[i].y);
    const double variance = 4 * sigmas[i] * sigmas[i];
    sum += std::exp(-(dx * dx + dy * dy) / variance / (area + std::numeric_limits<double>::epsilon()) / 2);
    ++count;
  }
  return count == 0 ? 0 : sum / count;
}

}  // namespace posekit::inline v0
