/// Results as JSON: the form, exact numbers, odd text.

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "posekit/result_io.h"

using namespace posekit;
using Json = nlohmann::ordered_json;

namespace {

KeypointSet two_points() {
  KeypointSet set;
  set.name = "two";
  set.keypoints = {{"left_eye", 1}, {"right_eye", 0}};
  set.links = {{0, 1}};
  return set;
}

ImageResult one_pose() {
  ImageResult result;
  Pose pose;
  pose.box = {0.1, -20.25, 1e-7, 1.0 / 3, 0.98F};
  pose.box_index = 4;
  pose.keypoints = {{0.1F, 1.0F / 3, -0.25F}, {16777216.0F, -1e-20F, 1.5F}};
  result.poses = {pose};
  result.timings.decode = Milliseconds(1.5);
  result.timings.detect = Milliseconds(2);
  result.timings.preprocess = Milliseconds(3);
  result.timings.inference = Milliseconds(4);
  result.timings.postprocess = Milliseconds(5);
  return result;
}

const ResultSource photo{"a.jpg", {640, 480}, {}, {}};

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

}  // namespace

TEST_CASE("A result's JSON has the documented members in the documented order") {
  const std::string text = to_json(one_pose(), photo, two_points(), "model x");
  CHECK(text.find('\n') == std::string::npos);
  const Json json = Json::parse(text);
  CHECK(keys(json) == std::vector<std::string>{"format", "image", "model", "meta_info", "instance_info", "timings_ms"});
  CHECK(json["format"] == "posekit-result/1");
  CHECK(json["image"] == Json{{"path", "a.jpg"}, {"width", 640}, {"height", 480}});
  CHECK(json["model"] == Json{{"name", "model x"}, {"keypoints", "two"}});
  CHECK(json["meta_info"]["keypoint_names"] == Json{"left_eye", "right_eye"});
  CHECK(json["meta_info"]["skeleton_links"] == Json::parse("[[0, 1]]"));
  CHECK(keys(json["instance_info"][0]) == std::vector<std::string>{"bbox", "bbox_score", "box_index", "keypoints", "keypoint_scores"});
  CHECK(json["timings_ms"] == Json{{"decode", 1.5}, {"detect", 2}, {"preprocess", 3}, {"inference", 4}, {"postprocess", 5}});
}

TEST_CASE("A result reads back from JSON bit for bit") {
  ImageResult result = one_pose();
  std::mt19937 random(7);
  std::uniform_real_distribution<float> coordinate(-5000, 5000);
  for (int i = 0; i < 200; ++i) {
    Pose pose = result.poses[0];
    pose.box = {static_cast<double>(coordinate(random)) / 3, static_cast<double>(coordinate(random)) / 7, 1e9 / 3, 2e9 / 3, 0.1F};
    for (Keypoint& keypoint : pose.keypoints) keypoint = {coordinate(random), coordinate(random) * 1e-9F, coordinate(random) * 1e9F};
    result.poses.push_back(pose);
  }
  const Json instances = Json::parse(to_json(result, photo, two_points(), "m"))["instance_info"];
  REQUIRE(instances.size() == result.poses.size());
  for (std::size_t i = 0; i < instances.size(); ++i) {
    Pose read;
    const auto box = instances[i]["bbox"].get<std::vector<double>>();
    read.box = {box.at(0), box.at(1), box.at(2), box.at(3), instances[i]["bbox_score"].get<float>()};
    read.box_index = instances[i]["box_index"].get<std::size_t>();
    for (std::size_t k = 0; k < 2; ++k) {
      const Json& point = instances[i]["keypoints"][k];
      read.keypoints.push_back({point.at(0).get<float>(), point.at(1).get<float>(), instances[i]["keypoint_scores"][k].get<float>()});
    }
    CHECK(read == result.poses[i]);
  }
}

TEST_CASE("Numbers in a result's JSON are the shortest that read back") {
  const std::string text = to_json(one_pose(), photo, two_points(), "m");
  CHECK(text.find("[[0.1, 0.33333334],") != std::string::npos);
  CHECK(text.find("\"bbox_score\": 0.98,") != std::string::npos);
}

TEST_CASE("The JSON has frame, time and track id only where they are set") {
  ImageResult result = one_pose();
  result.poses[0].track_id = 3;
  const Json json = Json::parse(to_json(result, {"v.mp4", {1, 1}, 12, 0.5}, two_points(), "m"));
  CHECK(keys(json["image"]) == std::vector<std::string>{"path", "width", "height", "frame", "time_s"});
  CHECK(json["image"]["frame"] == 12);
  CHECK(json["image"]["time_s"] == 0.5);
  CHECK(keys(json["instance_info"][0])[3] == "track_id");
  CHECK(json["instance_info"][0]["track_id"] == 3);
}

TEST_CASE("Errors of boxes name the box, an error of the image does not") {
  ImageResult result = one_pose();
  result.code = ErrorCode::deadline_exceeded;
  result.message = "too late";
  result.box_errors = {{2, ErrorCode::invalid_argument, "box 2 is \"thin\"\n"}};
  const Json errors = Json::parse(to_json(result, photo, two_points(), "m"))["errors"];
  REQUIRE(errors.size() == 2);
  CHECK(errors[0] == Json{{"code", "deadline_exceeded"}, {"message", "too late"}});
  CHECK(errors[1] == Json{{"box_index", 2}, {"code", "invalid_argument"}, {"message", "box 2 is \"thin\"\n"}});
}

TEST_CASE("An image without people gives an empty instance_info") {
  CHECK(Json::parse(to_json({}, photo, two_points(), "m"))["instance_info"] == Json::array());
}

TEST_CASE("Paths that are not UTF-8 give valid JSON") {
  ResultSource source = photo;
  source.path = "a\xff\"b\\\xc3.jpg";
  const Json json = Json::parse(to_json({}, source, two_points(), "m\xfe"));
  CHECK(json["image"]["path"].get<std::string>() == "a\xEF\xBF\xBD\"b\\\xEF\xBF\xBD.jpg");
}

TEST_CASE("JSON stays valid when a caller's numbers are not finite") {
  ImageResult result = one_pose();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  result.poses[0].box.score = nan;
  result.poses[0].keypoints = {{nan, infinity, -infinity}, {1, 2, nan}};
  result.timings.decode = Milliseconds(std::numeric_limits<double>::infinity());
  const Json pose = Json::parse(to_json(result, photo, two_points(), "m"))["instance_info"][0];
  CHECK(pose["bbox_score"] == 0);
  CHECK(pose["keypoints"] == Json::parse("[[0, 0], [1, 2]]"));
  CHECK(pose["keypoint_scores"] == Json{0, 0});
}
