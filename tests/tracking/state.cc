/// A tracker's state: saved, restored, refused.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>

#include "posekit/error.h"
#include "posekit/tracker.h"
#include "support/fails_with.h"
#include "tracking/scene.h"

using namespace posekit;
using namespace posekit_test;
using Catch::Matchers::ContainsSubstring;
using Json = nlohmann::json;

namespace {

const KeypointSet& coco() { return builtin_keypoint_set("coco17"); }

std::vector<Shot> film(std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Walker> walkers;
  for (int i = 0; i < 5; ++i) walkers.push_back({.start = {300.0 * i, 500 + 10.0 * i}, .velocity = {60.0 - 30 * i, 0}, .enter_s = 0.2 * i});
  std::vector<Shot> shots;
  for (const double time : times(3, 30, true, random))
    shots.push_back(shoot(walkers, {.miss = 0.1, .ghost = 0.2, .occlusion = true}, time, random));
  return shots;
}

Tracker after(const std::vector<Shot>& shots, std::size_t count) {
  Tracker tracker(coco());
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<Pose> poses = shots[i].poses;
    if (i == 20) poses[0].keypoints[3].score = 0;
    tracker.update(shots[i].time_s, poses);
  }
  return tracker;
}

std::string refusal(const Json& state) {
  Tracker tracker = after(film(1), 10);
  const std::string before = tracker.save();
  try {
    tracker.restore(state.dump());
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(tracker.save() == before);
    posekit_test::check_message_form(error.what(), "tracker state", "");
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("A restored tracker continues bit for bit") {
  const std::vector<Shot> shots = film(2);
  Tracker whole = after(shots, 45);
  Tracker restored(coco());
  restored.restore(whole.save());
  CHECK(restored.save() == whole.save());
  for (std::size_t i = 45; i < shots.size(); ++i) {
    std::vector<Pose> a = shots[i].poses;
    std::vector<Pose> b = shots[i].poses;
    CHECK(whole.predict(shots[i].time_s) == restored.predict(shots[i].time_s));
    whole.update(shots[i].time_s, a);
    restored.update(shots[i].time_s, b);
    REQUIRE(a == b);
  }
  CHECK(restored.save() == whole.save());
}

TEST_CASE("A new tracker's state can be restored too") {
  Tracker tracker = after(film(1), 10);
  tracker.restore(Tracker(coco()).save());
  CHECK(tracker.save() == Tracker(coco()).save());
}

TEST_CASE("A state that save did not write is refused with the key, and nothing changes") {
  const Json good = Json::parse(after(film(1), 30).save());
  REQUIRE(refusal(good).empty());
  const auto with = [&](const char* pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    return refusal(bad);
  };
  CHECK_THAT(with("/format", "posekit-tracker/2"),
             ContainsSubstring("\"format\" is \"posekit-tracker/2\", \"posekit-tracker/1\" is expected"));
  CHECK_THAT(with("/keypoints", 16), ContainsSubstring("\"keypoints\" is 16, 17"));
  CHECK_THAT(with("/time_s", "now"), ContainsSubstring("\"time_s\" is \"now\""));
  CHECK_THAT(with("/time_s", nullptr), ContainsSubstring("an empty array beside a \"time_s\" of null is expected"));
  CHECK_THAT(with("/next_id", 0), ContainsSubstring("\"next_id\" is 0"));
  CHECK_THAT(with("/next_id", 1.5), ContainsSubstring("\"next_id\" is 1.5"));
  CHECK_THAT(with("/tracks", 5), ContainsSubstring("\"tracks\" is 5"));
  CHECK_THAT(with("/tracks/0/id", 999), ContainsSubstring("\"tracks[0].id\" is 999"));
  CHECK_THAT(with("/tracks/1/id", good["tracks"][0]["id"]), ContainsSubstring("which is also the id of tracks[0]"));
  CHECK_THAT(with("/tracks/0/last_seen_s", 1e6), ContainsSubstring("\"tracks[0].last_seen_s\""));
  CHECK_THAT(with("/tracks/0/motion/2", -1), ContainsSubstring("\"tracks[0].motion[2]\" is -1"));
  CHECK_THAT(with("/tracks/0/motion/3", 1e20), ContainsSubstring("covariance"));
  CHECK_THAT(with("/tracks/0/motion/10", 0), ContainsSubstring("\"tracks[0].motion[10]\""));
  CHECK_THAT(with("/tracks/0/motion", Json::array()), ContainsSubstring("an array of 14 entries"));
  CHECK_THAT(with("/tracks/0/points/4/1", 1e300), ContainsSubstring("\"tracks[0].points[4][1]\""));
  CHECK_THAT(with("/tracks/0/points/4/7", 2), ContainsSubstring("\"tracks[0].points[4][7]\" is 2"));
  CHECK_THAT(with("/tracks/0/points/4", "null"), ContainsSubstring("\"tracks[0].points[4]\""));
  CHECK_THAT(with("/more", 1), ContainsSubstring("6 keys"));
  CHECK_THAT(with("/tracks/0/more", 1), ContainsSubstring("\"tracks[0]\""));
  Json missing = good;
  missing.erase("next_id");
  CHECK_THAT(refusal(missing), ContainsSubstring("\"next_id\" is missing"));
  CHECK_THAT(refusal(Json(3)), ContainsSubstring("the document is 3"));
  Tracker tracker(coco());
  posekit_test::fails_with([&] { tracker.restore("{\"a\": 1, \"a\": 2}"); }, "tracker state", "twice");
  posekit_test::fails_with([&] { tracker.restore(""); }, "tracker state", "not valid JSON");
}
