/// Tracker: who gets which id, when, and what is refused.
#include "posekit/tracker.h"

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "posekit/error.h"
#include "support/fails_with.h"
#include "tracking/scene.h"

using namespace posekit;
using namespace posekit_test;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

const KeypointSet& coco() { return builtin_keypoint_set("coco17"); }

/// Somebody standing with the feet there.
Pose person(double x, double y, float score = 0.9F, double height = 300) {
  Pose pose = exact_pose({.height = height, .start = {x, y}, .velocity = {}}, 0);
  pose.box.score = score;
  return pose;
}

std::vector<std::optional<std::int64_t>> ids(Tracker& tracker, double time_s, std::vector<Pose> poses) {
  tracker.update(time_s, poses);
  std::vector<std::optional<std::int64_t>> result;
  for (const Pose& pose : poses) result.push_back(pose.track_id);
  return result;
}

using Ids = std::vector<std::optional<std::int64_t>>;

std::string refusal(Tracker& tracker, double time_s, std::vector<Pose> poses) {
  const std::string before = tracker.save();
  const std::vector<Pose> given = poses;
  std::string message;
  try {
    tracker.update(time_s, poses);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_argument);
    message = error.what();
  }
  CHECK(tracker.save() == before);
  CHECK(poses.size() == given.size());
  for (std::size_t i = 0; i < poses.size(); ++i) CHECK(poses[i].track_id == given[i].track_id);
  return message;
}

/// Switches of ids between people, with each id's owner.
struct Account {
  std::map<std::int64_t, std::int64_t> owner;  // of each id
  std::map<std::int64_t, std::int64_t> last;   // id of each person
  int switches = 0;
  int nameless = 0;

  void add(const Shot& shot, const std::vector<Pose>& poses) {
    for (std::size_t i = 0; i < poses.size(); ++i) {
      if (shot.people[i] < 0) continue;
      if (!poses[i].track_id) {
        ++nameless;
        continue;
      }
      const auto [found, fresh] = last.try_emplace(shot.people[i], *poses[i].track_id);
      if (!fresh && found->second != *poses[i].track_id) ++switches;
      found->second = *poses[i].track_id;
      if (owner.try_emplace(*poses[i].track_id, shot.people[i]).first->second != shot.people[i]) ++switches;
    }
  }
};

/// Six people in lanes of their own, coming, going and turning round.
std::vector<Walker> lanes() {
  std::vector<Walker> walkers;
  for (int i = 0; i < 6; ++i) {
    const double height = 150 + 50 * i;
    const double speed = (i % 2 == 0 ? 1 : -1) * (0.5 + 0.3 * i) / 1.7 * height;  // 0.5 to 2 m/s
    walkers.push_back({.height = height,
                       .start = {960.0, 420.0 * i},
                       .velocity = {speed, 0},
                       .enter_s = 0.7 * i,
                       .leave_s = 12.0 + 0.9 * i,
                       .turn_s = 6.0 + 0.5 * i,
                       .phase = 0.13 * i});
  }
  return walkers;
}

}  // namespace

TEST_CASE("No id is switched without occlusion, at any frame rate, with people missed now and then") {
  const double fps = GENERATE(10.0, 30.0, 60.0);
  const bool irregular = GENERATE(false, true);
  const double miss = GENERATE(0.0, 0.1);
  const std::uint32_t seed = GENERATE(1U, 2U, 3U);
  std::mt19937 random(seed);
  Tracker tracker(coco());
  Account account;
  for (const double time : times(18, fps, irregular, random)) {
    Shot shot = shoot(lanes(), {.miss = miss}, time, random);
    std::vector<Pose> poses = shot.poses;
    tracker.update(time, poses);
    account.add(shot, poses);
  }
  CHECK(account.switches == 0);
  CHECK(account.last.size() == 6);
  CHECK(account.owner.size() == 6);
}

TEST_CASE("People who pass each other at different distances keep their ids") {
  const double fps = GENERATE(10.0, 30.0, 60.0);
  std::mt19937 random(5);
  // They overlap for half a second, and both stay visible.
  const std::vector<Walker> walkers{{.height = 300, .start = {300, 700}, .velocity = {200, 0}},
                                    {.height = 340, .start = {1100, 760}, .velocity = {-220, 0}}};
  Tracker tracker(coco());
  Account account;
  for (const double time : times(4, fps, false, random)) {
    Shot shot = shoot(walkers, {}, time, random);
    std::vector<Pose> poses = shot.poses;
    tracker.update(time, poses);
    account.add(shot, poses);
  }
  CHECK(account.switches == 0);
}

TEST_CASE("A person hidden for less than max_gap_s keeps the id, one hidden for longer gets a new one") {
  std::mt19937 random(3);
  const Walker walker{.height = 300, .start = {200, 700}, .velocity = {260, 0}};  // 1.5 m/s
  const double hidden = GENERATE(0.3, 0.9, 1.3);
  Tracker tracker(coco());
  std::optional<std::int64_t> last;
  for (const double time : times(4, 30, false, random)) {
    Shot shot = shoot({walker}, {}, time, random);
    if (time > 1.5 && time <= 1.5 + hidden) shot.poses.clear();
    tracker.update(time, shot.poses);
    if (!shot.poses.empty()) last = shot.poses[0].track_id;
  }
  CHECK(last == (hidden > 1 ? 2 : 1));
}

TEST_CASE("Everybody in the first frame gets an id, later people once they stay for birth_s") {
  Tracker tracker(coco(), {.birth_s = 0.1});
  CHECK(ids(tracker, 0, {person(300, 500), person(900, 500)}) == Ids{1, 2});
  CHECK(ids(tracker, 0.04, {person(300, 500), person(1500, 500)}) == Ids{1, std::nullopt});
  CHECK(ids(tracker, 0.10, {person(300, 500), person(1500, 500)}) == Ids{1, std::nullopt});
  CHECK(ids(tracker, 0.14, {person(1500, 500), person(300, 500), person(900, 500)}) == Ids{3, 1, 2});
}

TEST_CASE("A person missed before birth uses up no id") {
  Tracker tracker(coco(), {.birth_s = 0.1});
  CHECK(ids(tracker, 0, {}) == Ids{});
  CHECK(ids(tracker, 0.1, {person(300, 500)}) == Ids{std::nullopt});
  CHECK(ids(tracker, 0.2, {}) == Ids{});
  CHECK(ids(tracker, 0.3, {person(300, 500)}) == Ids{std::nullopt});
  CHECK(ids(tracker, 0.4, {person(300, 500)}) == Ids{1});
}

TEST_CASE("A box of low score continues a track but begins none") {
  Tracker tracker(coco());
  CHECK(ids(tracker, 0, {person(300, 500), person(900, 500, 0.3F)}) == Ids{1, std::nullopt});
  CHECK(ids(tracker, 0.1, {person(300, 500, 0.3F), person(900, 500, 0.3F)}) == Ids{1, std::nullopt});
  CHECK(ids(tracker, 0.2, {person(300, 500, 0.05F)}) == Ids{std::nullopt});
  CHECK(ids(tracker, 0.3, {person(300, 500, 0.3F)}) == Ids{1});
  CHECK(ids(tracker, 0.4, {person(300, 500)}) == Ids{1});
}

TEST_CASE("Keypoints distinguish people whose boxes overlap") {
  // The two sit on the same spot; one is upside down. Boxes swap places a little each frame.
  const auto upside_down = [](Pose pose) {
    const double middle = (pose.box.y1 + pose.box.y2) / 2;
    for (Keypoint& point : pose.keypoints) point.y = static_cast<float>(2 * middle) - point.y;
    return pose;
  };
  const auto nudged = [](Pose pose, double by) {
    pose.box.x1 += by;
    pose.box.x2 += by;
    return pose;
  };
  Tracker tracker(coco());
  const Pose a = person(500, 500);
  const Pose b = upside_down(person(505, 500));
  CHECK(ids(tracker, 0, {a, b}) == Ids{1, 2});
  CHECK(ids(tracker, 0.1, {nudged(a, 4.9), nudged(b, -4.9)}) == Ids{1, 2});
  CHECK(ids(tracker, 0.2, {nudged(b, -4.9), nudged(a, 4.9)}) == Ids{2, 1});
  Tracker by_boxes(coco(), {.oks_weight = 0});
  CHECK(ids(by_boxes, 0, {a, b}) == Ids{1, 2});
  CHECK(ids(by_boxes, 0.1, {nudged(a, 4.9), nudged(b, -4.9)}) == Ids{2, 1});
}

TEST_CASE("predict gives boxes that follow the person between detections") {
  const double fps = 30;
  const int every = GENERATE(3, 6, 10);
  std::mt19937 random(11);
  const Walker walker{.height = 300, .start = {200, 700}, .velocity = {260, 0}, .turn_s = 3};
  Tracker tracker(coco());
  double worst = 1;
  for (int frame = 0; frame < 180; ++frame) {
    const double time = frame / fps;
    Shot shot = shoot({walker}, {}, time, random);
    if (frame % every != 0) {
      const std::vector<Box> boxes = tracker.predict(time);
      REQUIRE(boxes.size() == 1);
      shot.poses[0].box = boxes[0];
      if (frame > 10) worst = std::min(worst, iou(boxes[0], shot.truth[0].box));
    }
    tracker.update(time, shot.poses);
    CHECK(shot.poses[0].track_id == 1);
  }
  CHECK(worst > 0.5);
  INFO("worst IoU of a carried box " << worst);
}

TEST_CASE("A carried box without keypoints gets no id and begins no track") {
  Tracker tracker(coco());
  CHECK(ids(tracker, 0, {person(300, 500)}) == Ids{1});
  CHECK(ids(tracker, 0.1, {person(310, 500)}) == Ids{1});
  Pose carried = person(320, 500);
  carried.box = tracker.predict(0.2).at(0);
  for (Keypoint& point : carried.keypoints) point.score = 0.1F;
  CHECK(ids(tracker, 0.2, {carried}) == Ids{std::nullopt});
  CHECK(tracker.predict(0.3).empty());
  CHECK(ids(tracker, 0.3, {person(330, 500)}) == Ids{1});
}

TEST_CASE("A fixed box keeps its id at any keypoint scores") {
  Tracker tracker(coco());
  Pose fixed = person(300, 500);
  for (int frame = 0; frame < 20; ++frame) {
    for (Keypoint& point : fixed.keypoints) point.score = 0.1F * static_cast<float>(frame % 5);
    CHECK(ids(tracker, 0.1 * frame, {fixed}) == Ids{1});
  }
}

TEST_CASE("predict gives the score that the box was last found with, and refuses the past") {
  Tracker tracker(coco());
  CHECK(tracker.predict(5).empty());
  CHECK(ids(tracker, 1, {person(300, 500, 0.75F)}) == Ids{1});
  const auto boxes = tracker.predict(1);
  REQUIRE(boxes.size() == 1);
  CHECK(boxes[0].score == 0.75F);
  CHECK(boxes[0].x1 == Catch::Approx(person(300, 500).box.x1));
  CHECK(tracker.predict(2.5).empty());
  fails_with([&] { return tracker.predict(0.5); }, "time 0.5 s", "before 1 s");
  fails_with([&] { return tracker.predict(not_a_number); }, "time nan s", "finite");
}

TEST_CASE("Bad input is refused with its value, and the tracker and the poses stay as they were") {
  Tracker tracker(coco());
  CHECK(ids(tracker, 10, {person(300, 500)}) == Ids{1});
  check_message_form(refusal(tracker, 10, {person(300, 500)}), "time", "10 s is not after 10 s");
  check_message_form(refusal(tracker, 9.5, {}), "time", "9.5 s is not after 10 s");
  check_message_form(refusal(tracker, not_a_number, {}), "time", "nan");
  check_message_form(refusal(tracker, infinity, {}), "time", "inf");
  check_message_form(refusal(tracker, 1e10, {}), "time", "1e9");
  for (const double bad : {not_a_number, infinity, -infinity, 1e9}) {
    Pose pose = person(300, 500);
    pose.box.x2 = bad;
    check_message_form(refusal(tracker, 11, {person(300, 500), pose}), "pose 1", "has the box");
  }
  Pose flat = person(300, 500);
  flat.box.x2 = flat.box.x1;
  check_message_form(refusal(tracker, 11, {flat}), "pose 0", "x2 > x1");
  check_message_form(refusal(tracker, 11, {person(300, 500, std::nanf(""))}), "pose 0", "score");
  Pose fewer = person(300, 500);
  fewer.keypoints.pop_back();
  check_message_form(refusal(tracker, 11, {fewer}), "pose 0", "16 keypoints, the tracker's set has 17");
  CHECK(ids(tracker, 10.1, {person(300, 500)}) == Ids{1});
}

TEST_CASE("Invalid options and sets are refused by name") {
  fails_with([] { return Tracker(coco(), {.oks_weight = 1.5}); }, "tracker option", "oks_weight is 1.5");
  fails_with([] { return Tracker(coco(), {.max_gap_s = not_a_number}); }, "tracker option", "max_gap_s is nan");
  fails_with([] { return Tracker(coco(), {.high_score = 0.5F, .low_score = 0.6F}); }, "tracker option", "high_score");
  fails_with([] { return Tracker(coco(), {.smoothing = {.min_cutoff_hz = 0}}); }, "tracker option", "min_cutoff_hz is 0");
  KeypointSet set = coco();
  set.sigmas.pop_back();
  fails_with([&] { return Tracker(set); }, "keypoint set \"coco17\"", "16 sigmas for 17");
  set.sigmas.push_back(0);
  fails_with([&] { return Tracker(set); }, "keypoint set \"coco17\"", "sigma 16 is 0");
}

TEST_CASE("A set without sigmas can be tracked") {
  KeypointSet set = coco();
  set.sigmas.clear();
  Tracker tracker(set);
  CHECK(ids(tracker, 0, {person(300, 500), person(420, 520)}) == Ids{1, 2});
  CHECK(ids(tracker, 0.1, {person(425, 520), person(305, 500)}) == Ids{2, 1});
}

TEST_CASE("reset accepts any time for the next frame") {
  Tracker tracker(coco());
  CHECK(ids(tracker, 5, {person(300, 500)}) == Ids{1});
  CHECK(ids(tracker, 6, {person(1300, 500), person(300, 500)}) == Ids{std::nullopt, 1});
  tracker.reset();
  CHECK(ids(tracker, 0, {person(300, 500)}) == Ids{1});
}

TEST_CASE("A tracker can be moved, and two trackers are independent") {
  Tracker a(coco());
  Tracker b(coco());
  CHECK(ids(a, 0, {person(300, 500), person(900, 500)}) == Ids{1, 2});
  CHECK(ids(b, 0, {person(900, 500)}) == Ids{1});
  Tracker moved = std::move(a);
  CHECK(ids(moved, 0.1, {person(900, 500)}) == Ids{2});
  b = std::move(moved);
  CHECK(ids(b, 0.2, {person(900, 500)}) == Ids{2});
}
