/// Results in OpenPose's form, against the order of points in its documentation.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "posekit/result_io.h"
#include "support/fails_with.h"

using namespace posekit;
using Json = nlohmann::json;

namespace {

/// Keypoint i is at (10 i, 10 i + 1) with score i / 1000.
ImageResult person(const KeypointSet& set) {
  ImageResult result;
  Pose pose;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto number = static_cast<float>(i);
    pose.keypoints.push_back({10 * number, 10 * number + 1, number / 1000});
  }
  result.poses = {pose};
  return result;
}

Json person_of(const KeypointSet& set) { return Json::parse(to_openpose(person(set), set))["people"][0]; }

std::size_t index_of(const KeypointSet& set, std::string_view name) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set.keypoints[i].name == name) return i;
  }
  FAIL(name << " is not in the set");
  return 0;
}

/// Expects point number `place` of a part to be a keypoint of the set.
void check_point(const Json& part, std::size_t place, const KeypointSet& set, std::string_view name) {
  const auto index = static_cast<float>(index_of(set, name));
  CAPTURE(place, name);
  CHECK(part[3 * place].get<float>() == 10 * index);
  CHECK(part[3 * place + 1].get<float>() == 10 * index + 1);
  CHECK(part[3 * place + 2].get<float>() == index / 1000);
}

/// BODY_25 without neck and hip, by OpenPose's doc/02_output.md: number and name.
struct Named {
  std::size_t place;
  const char* name;
};
constexpr std::array<Named, 17> coco_points{{{0, "nose"},
                                             {2, "right_shoulder"},
                                             {3, "right_elbow"},
                                             {4, "right_wrist"},
                                             {5, "left_shoulder"},
                                             {6, "left_elbow"},
                                             {7, "left_wrist"},
                                             {9, "right_hip"},
                                             {10, "right_knee"},
                                             {11, "right_ankle"},
                                             {12, "left_hip"},
                                             {13, "left_knee"},
                                             {14, "left_ankle"},
                                             {15, "right_eye"},
                                             {16, "left_eye"},
                                             {17, "right_ear"},
                                             {18, "left_ear"}}};

}  // namespace

TEST_CASE("The body in OpenPose's form is BODY_25, by the keypoints' names") {
  for (const char* name : {"coco17", "coco_wholebody133", "halpe26", "blazepose33", "goliath308"}) {
    const KeypointSet& set = builtin_keypoint_set(name);
    CAPTURE(name);
    const Json body = person_of(set)["pose_keypoints_2d"];
    REQUIRE(body.size() == 75);
    for (const auto& [place, point] : coco_points) check_point(body, place, set, point);
  }
}

TEST_CASE("Neck and hip in OpenPose's form are half way between two points, with the lower score") {
  const Json body = person_of(builtin_keypoint_set("coco17"))["pose_keypoints_2d"];
  CHECK(Json(body.begin() + 3, body.begin() + 6) == Json({55, 56, 0.005}));      // shoulders 5 and 6
  CHECK(Json(body.begin() + 24, body.begin() + 27) == Json({115, 116, 0.011}));  // hips 11 and 12
}

TEST_CASE("Feet in OpenPose's form: left then right, big toe, small toe, heel; what a set lacks is zero") {
  const KeypointSet& whole = builtin_keypoint_set("coco_wholebody133");
  const Json body = person_of(whole)["pose_keypoints_2d"];
  const std::array<const char*, 6> feet{"left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"};
  for (std::size_t i = 0; i < feet.size(); ++i) check_point(body, 19 + i, whole, feet[i]);
  const KeypointSet& blaze = builtin_keypoint_set("blazepose33");
  const Json toes = person_of(blaze)["pose_keypoints_2d"];
  check_point(toes, 19, blaze, "left_foot_index");
  check_point(toes, 22, blaze, "right_foot_index");
  CHECK(Json(toes.begin() + 60, toes.begin() + 63) == Json({0, 0, 0}));
  const Json none = person_of(builtin_keypoint_set("coco17"))["pose_keypoints_2d"];
  CHECK(Json(none.begin() + 57, none.end()) == Json(std::vector<int>(18, 0)));
}

TEST_CASE("Hands in OpenPose's form go from the wrist, each finger from its base to its tip") {
  const KeypointSet& whole = builtin_keypoint_set("coco_wholebody133");
  const KeypointSet& goliath = builtin_keypoint_set("goliath308");
  for (const std::string side : {"left", "right"}) {
    const Json hand = person_of(whole)["hand_" + side + "_keypoints_2d"];
    REQUIRE(hand.size() == 63);
    check_point(hand, 0, whole, side + "_hand_root");
    check_point(hand, 1, whole, side + "_thumb1");
    check_point(hand, 8, whole, side + "_forefinger4");
    check_point(hand, 20, whole, side + "_pinky_finger4");
    const Json other = person_of(goliath)["hand_" + side + "_keypoints_2d"];
    REQUIRE(other.size() == 63);
    check_point(other, 0, goliath, side + "_wrist");
    check_point(other, 1, goliath, side + "_thumb_third_joint");
    check_point(other, 4, goliath, side + "_thumb4");
    check_point(other, 17, goliath, side + "_pinky_finger_third_joint");
    check_point(other, 18, goliath, side + "_pinky_finger2");
  }
}

TEST_CASE("The face in OpenPose's form has 68 points and two pupils, which are zero; parts that a set lacks are empty") {
  const KeypointSet& whole = builtin_keypoint_set("coco_wholebody133");
  const Json face = person_of(whole)["face_keypoints_2d"];
  REQUIRE(face.size() == 210);
  check_point(face, 0, whole, "face-0");
  check_point(face, 67, whole, "face-67");
  CHECK(Json(face.begin() + 204, face.end()) == Json(std::vector<int>(6, 0)));
  const Json bare = person_of(builtin_keypoint_set("coco17"));
  for (const char* part : {"face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d", "pose_keypoints_3d",
                           "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d"})
    CHECK(bare[part] == Json::array());
}

TEST_CASE("A document in OpenPose's form has the version and each person with the track's number, else -1") {
  const KeypointSet& set = builtin_keypoint_set("coco17");
  ImageResult result = person(set);
  result.poses.push_back(result.poses[0]);
  result.poses[1].track_id = 7;
  const Json document = Json::parse(to_openpose(result, set));
  CHECK(document["version"] == 1.3);
  REQUIRE(document["people"].size() == 2);
  CHECK(document["people"][0]["person_id"] == Json::array({-1}));
  CHECK(document["people"][1]["person_id"] == Json::array({7}));
  CHECK(Json::parse(to_openpose({}, set))["people"] == Json::array());
}

TEST_CASE("A set without a point of BODY_25, and a pose of another set, have no OpenPose form") {
  const KeypointSet pair{
      .name = "pair", .provenance = {}, .keypoints = {{"head", {}}, {"tail", {}}}, .links = {}, .sigmas = {}, .subsets = {}};
  posekit_test::fails_with([&] { return to_openpose({}, pair); }, "pair", "BODY_25");
  const KeypointSet& set = builtin_keypoint_set("coco17");
  posekit_test::fails_with([&] { return to_openpose(person(pair), set); }, "coco17", "2 keypoints");
}
