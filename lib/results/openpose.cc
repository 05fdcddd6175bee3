/// Results in the form of OpenPose's JSON output.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "posekit/error.h"
#include "posekit/result_io.h"
#include "results/keypoint_count.h"
#include "results/number.h"

namespace posekit::inline v0 {
namespace {

using Place = std::optional<std::size_t>;

/// BODY_25, in its order; a point between two is half way. The big toe of BlazePose is its foot_index.
constexpr std::array<std::array<std::string_view, 2>, 25> body_points{{{"nose"},
                                                                       {"left_shoulder", "right_shoulder"},
                                                                       {"right_shoulder"},
                                                                       {"right_elbow"},
                                                                       {"right_wrist"},
                                                                       {"left_shoulder"},
                                                                       {"left_elbow"},
                                                                       {"left_wrist"},
                                                                       {"left_hip", "right_hip"},
                                                                       {"right_hip"},
                                                                       {"right_knee"},
                                                                       {"right_ankle"},
                                                                       {"left_hip"},
                                                                       {"left_knee"},
                                                                       {"left_ankle"},
                                                                       {"right_eye"},
                                                                       {"left_eye"},
                                                                       {"right_ear"},
                                                                       {"left_ear"},
                                                                       {"left_big_toe"},
                                                                       {"left_small_toe"},
                                                                       {"left_heel"},
                                                                       {"right_big_toe"},
                                                                       {"right_small_toe"},
                                                                       {"right_heel"}}};
constexpr std::size_t face_points = 70;  // 68 and the pupils, which no set here has
constexpr std::array<std::string_view, 5> fingers{"thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger"};

/// Where the set has OpenPose's points.
class Places {
 public:
  explicit Places(const KeypointSet& set) : set_(set) {}

  Place of(std::string_view name) const {
    const auto found = std::ranges::find(set_.keypoints, name, &KeypointInfo::name);
    return found == set_.keypoints.end() ? Place() : Place(static_cast<std::size_t>(found - set_.keypoints.begin()));
  }
  /// The first of the names that the set has.
  Place of(std::string_view name, std::string_view other) const {
    const Place found = of(name);
    return found ? found : of(other);
  }

 private:
  const KeypointSet& set_;
};

/// The points of a part, each of one or two keypoints; empty if the set has none of them.
using Part = std::vector<std::array<Place, 2>>;

Part without_empty(Part part) {
  const bool any = std::ranges::any_of(part, [](const auto& point) { return point[0].has_value(); });
  return any ? part : Part();
}

Part body_of(const Places& places) {
  Part part;
  for (const auto& [first, second] : body_points) {
    const bool left_toe = first == "left_big_toe";
    const bool toe = left_toe || first == "right_big_toe";
    const Place one = toe ? places.of(first, left_toe ? "left_foot_index" : "right_foot_index") : places.of(first);
    const Place other = second.empty() ? one : places.of(second);
    part.push_back(one && other ? std::array{one, other} : std::array{Place(), Place()});
  }
  return without_empty(std::move(part));
}

Part face_of(const Places& places) {
  Part part;
  for (std::size_t i = 0; i < face_points; ++i) {
    const Place place = places.of(fmt::format("face-{}", i));
    part.push_back({place, place});
  }
  return without_empty(std::move(part));
}

/// The wrist, then each finger from its base to its tip. Goliath's base is the third joint.
Part hand_of(const Places& places, std::string_view side) {
  Part part;
  const auto add = [&](Place place) { part.push_back({place, place}); };
  const auto name = [&](std::string_view finger, std::string_view joint) { return fmt::format("{}_{}{}", side, finger, joint); };
  for (const std::string_view finger : fingers) {
    const bool from_third = places.of(name(finger, "_third_joint")).has_value();
    if (from_third) add(places.of(name(finger, "_third_joint")));
    for (int joint = from_third ? 2 : 1; joint <= 4; ++joint) add(places.of(name(finger, fmt::format("{}", joint))));
  }
  part = without_empty(std::move(part));
  const Place root = places.of(fmt::format("{}_hand_root", side), fmt::format("{}_wrist", side));
  if (!part.empty()) part.insert(part.begin(), {root, root});
  return part;
}

std::string points_text(const Part& part, const Pose& pose) {
  std::string text = "[";
  for (const auto& [first, second] : part) {
    Keypoint point;
    if (first) {
      const Keypoint& one = pose.keypoints[*first];
      const Keypoint& other = pose.keypoints[*second];
      point = first == second ? one : Keypoint{(one.x + other.x) / 2, (one.y + other.y) / 2, std::min(one.score, other.score)};
    }
    text += fmt::format("{}{},{},{}", text.size() > 1 ? "," : "", json_number(point.x), json_number(point.y), json_number(point.score));
  }
  return text + "]";
}

}  // namespace

std::string to_openpose(const ImageResult& result, const KeypointSet& keypoints) {
  const Places places(keypoints);
  const Part body = body_of(places);
  if (body.empty()) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format(
            "the keypoint set \"{}\" has no point of OpenPose's BODY_25, \"nose\" and \"left_shoulder\" are such: choose another format",
            keypoints.name));
  }
  const Part face = face_of(places);
  const Part left = hand_of(places, "left");
  const Part right = hand_of(places, "right");
  std::string people;
  for (const Pose& pose : result.poses) {
    check_keypoint_count(pose, keypoints);
    people += fmt::format(
        R"({}{{"person_id":[{}],"pose_keypoints_2d":{},"face_keypoints_2d":{},"hand_left_keypoints_2d":{},"hand_right_keypoints_2d":{},)"
        R"("pose_keypoints_3d":[],"face_keypoints_3d":[],"hand_left_keypoints_3d":[],"hand_right_keypoints_3d":[]}})",
        people.empty() ? "" : ",", pose.track_id.value_or(-1), points_text(body, pose), points_text(face, pose), points_text(left, pose),
        points_text(right, pose));
  }
  return fmt::format(R"({{"version":1.3,"people":[{}]}})", people);
}

}  // namespace posekit::inline v0
