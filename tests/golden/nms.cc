/// Golden NMS lists, the detector's filter, and OKS.
#include "detection/nms.h"

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "golden/cases.h"
#include "posekit/result_io.h"

using namespace posekit;
using posekit_test::golden_cases;

namespace {

double number(const nlohmann::json& value) { return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN(); }

std::vector<Box> read_boxes(const nlohmann::json& json) {
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < json["boxes"].size(); ++i) {
    const auto& box = json["boxes"][i];
    boxes.push_back({number(box[0]), number(box[1]), number(box[2]), number(box[3]), static_cast<float>(number(json["scores"][i]))});
  }
  return boxes;
}

std::vector<Keypoint> read_pose(const nlohmann::json& json) {
  std::vector<Keypoint> pose;
  for (const auto& point : json) pose.push_back({point[0], point[1], point[2]});
  return pose;
}

}  // namespace

TEST_CASE("Golden: NMS keeps the same boxes in the same order") {
  const auto document = golden_cases("nms");
  for (const auto& json : document["boxes"]) {
    INFO(json["name"]);
    CHECK(nms(read_boxes(json), json["iou_threshold"]) == json["keep"].get<std::vector<std::size_t>>());
  }
}

TEST_CASE("Golden: score and label filter before NMS") {
  const auto document = golden_cases("nms");
  for (const auto& json : document["pipeline"]) {
    INFO(json["name"]);
    DetectInfo info;
    info.score_threshold = json["score_threshold"];
    info.person_label = json["label"];
    std::vector<Box> persons;
    std::vector<std::size_t> indices;
    const auto boxes = read_boxes(json);
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if (!is_person(boxes[i].score, json["labels"][i].get<float>(), info)) continue;
      persons.push_back(boxes[i]);
      indices.push_back(i);
    }
    std::vector<std::size_t> kept;
    for (const std::size_t i : nms(persons, json["iou_threshold"])) kept.push_back(indices[i]);
    CHECK(kept == json["keep"].get<std::vector<std::size_t>>());
  }
}

TEST_CASE("Golden: object keypoint similarity of every pair") {
  const auto& sigmas = builtin_keypoint_set("coco17").sigmas;
  const auto document = golden_cases("nms");
  for (const auto& json : document["oks"]) {
    if (!json["visibility_threshold"].is_null()) continue;  // a form of suppression that posekit does not have
    INFO(json["name"]);
    for (std::size_t i = 0; i < json["keypoints"].size(); ++i) {
      const auto pose = read_pose(json["keypoints"][i]);
      for (std::size_t j = 0; j < json["keypoints"].size(); ++j) {
        const auto other = read_pose(json["keypoints"][j]);  // scores > 0: every point counts
        const double area = (json["areas"][i].get<double>() + json["areas"][j].get<double>()) / 2;
        CHECK(std::abs(object_keypoint_similarity(pose, other, sigmas, area) - json["oks"][i][j].get<double>()) <= 1e-6);
      }
    }
  }
}
