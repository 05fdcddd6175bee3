/// COCO key point results, COCO datasets and object keypoint similarity.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "posekit/error.h"
#include "posekit/result_io.h"
#include "results/number.h"
#include "results/text.h"

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
  return json_string(std::get<std::string>(id));
}

/// COCO's v of a keypoint: 0 outside of the image, where people mark nothing.
int visibility(const Keypoint& keypoint, Size size, float min_score) {
  const bool inside = keypoint.x >= -0.5F && keypoint.y >= -0.5F && static_cast<double>(keypoint.x) <= size.width - 0.5 &&
                      static_cast<double>(keypoint.y) <= size.height - 0.5;
  if (!inside) return 0;
  return keypoint.score >= min_score ? 2 : 1;
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

std::string to_coco_annotations(const ImageResult& result, const CocoDatasetImage& image, std::int64_t first_id, float min_score) {
  std::string text;
  for (const Pose& pose : result.poses) {
    const double left = std::clamp<double>(pose.box.x1, 0, image.size.width);
    const double top = std::clamp<double>(pose.box.y1, 0, image.size.height);
    const double width = std::clamp<double>(pose.box.x2, 0, image.size.width) - left;
    const double height = std::clamp<double>(pose.box.y2, 0, image.size.height) - top;
    std::string points;
    int count = 0;
    for (const Keypoint& keypoint : pose.keypoints) {
      const int seen = visibility(keypoint, image.size, min_score);
      count += seen > 0 ? 1 : 0;
      points += fmt::format("{}{}, {}, {}", points.empty() ? "" : ", ", json_number(seen > 0 ? keypoint.x : 0),
                            json_number(seen > 0 ? keypoint.y : 0), seen);
    }
    text += fmt::format(R"({}{{"id": {}, "image_id": {}, "category_id": 1, "bbox": [{}, {}, {}, {}], "area": {}, "iscrowd": 0, )"
                        R"("num_keypoints": {}, "keypoints": [{}], "score": {}}})",
                        text.empty() ? "" : ",\n", first_id++, image.id, json_number(left), json_number(top), json_number(width),
                        json_number(height), json_number(width * height), count, points, json_number(instance_score(pose)));
  }
  return text;
}

std::string to_coco_image(const CocoDatasetImage& image) {
  return fmt::format(R"({{"id": {}, "file_name": {}, "width": {}, "height": {}}})", image.id, json_string(image.file_name),
                     image.size.width, image.size.height);
}

std::string to_coco_category(const KeypointSet& keypoints) {
  std::string names;
  for (const KeypointInfo& keypoint : keypoints.keypoints)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", json_string(keypoint.name));
  std::string links;
  for (const auto& [from, to] : keypoints.links) links += fmt::format("{}[{}, {}]", links.empty() ? "" : ", ", from + 1, to + 1);
  return fmt::format(R"({{"id": 1, "name": "person", "supercategory": "person", "keypoints": [{}], "skeleton": [{}]}})", names, links);
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
