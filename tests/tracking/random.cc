/// A thousand random films, wild ones: what must hold whatever comes. The asan preset runs them under its sanitizers.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <set>

#include "posekit/error.h"
#include "posekit/tracker.h"
#include "tracking/scene.h"

using namespace posekit;
using namespace posekit_test;

namespace {

Pose wild_pose(std::mt19937& random) {
  const double scale = std::pow(10.0, 6 * uniform(random) - 1);
  Pose pose;
  pose.box = {scale * gauss(random), scale * gauss(random), 0, 0, static_cast<float>(uniform(random))};
  pose.box.x2 = pose.box.x1 + scale * (0.01 + uniform(random));
  pose.box.y2 = pose.box.y1 + scale * (0.01 + uniform(random));
  for (int k = 0; k < 16; ++k) {
    pose.keypoints.push_back(
        {static_cast<float>(scale * gauss(random)), static_cast<float>(scale * gauss(random)), static_cast<float>(gauss(random))});
    const auto kind = random() % 40;
    if (kind == 0) pose.keypoints.back().x = std::nanf("");
    if (kind == 1) pose.keypoints.back().y = INFINITY;
    if (kind == 2) pose.keypoints.back().score = std::nanf("");
  }
  return pose;
}

}  // namespace

TEST_CASE("Ids are unique and never come back, and numbers stay finite, in a thousand random films") {
  const KeypointSet& set = builtin_keypoint_set("mpii16");
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    std::mt19937 random(seed);
    TrackerOptions options;
    options.birth_s = seed % 3 == 0 ? 0 : 0.05;
    options.max_gap_s = seed % 5 == 0 ? 0 : uniform(random);
    options.smoothing.enabled = seed % 7 != 0;
    Tracker tracker(set, options);
    std::vector<Pose> last;
    double time = 1000 * gauss(random);
    std::int64_t newest = 0;
    std::set<std::int64_t> seen;
    for (int frame = 0; frame < 12; ++frame) {
      std::vector<Pose> poses;
      for (const Pose& pose : last) {
        if (random() % 4 != 0) poses.push_back(pose);
      }
      for (auto births = random() % 4; births > 0; --births) poses.push_back(wild_pose(random));
      if (random() % 3 == 0) {
        for (const Box& box : tracker.predict(frame == 0 ? 0 : time + 0.001)) {
          Pose carried = wild_pose(random);
          carried.box = box;
          poses.push_back(carried);
        }
        time += 0.001;
      } else {
        time += random() % 5 == 0 ? 1e-9 + 10 * uniform(random) : 0.033;
      }
      last = poses;
      tracker.update(time, poses);
      std::set<std::int64_t> here;
      for (std::size_t i = 0; i < poses.size(); ++i) {
        if (poses[i].track_id) {
          REQUIRE(here.insert(*poses[i].track_id).second);
          if (seen.insert(*poses[i].track_id).second) {
            REQUIRE(*poses[i].track_id > newest - 20);  // new ids go up, in one frame in any order
            newest = std::max(newest, *poses[i].track_id);
          }
        }
        for (std::size_t k = 0; k < 16; ++k) {
          const Keypoint& given = last[i].keypoints[k];
          const Keypoint& point = poses[i].keypoints[k];
          REQUIRE(std::isfinite(given.x) == std::isfinite(point.x));
          REQUIRE(std::isfinite(given.y) == std::isfinite(point.y));
          if (std::isfinite(given.score)) REQUIRE(given.score == point.score);
        }
      }
      for (const Box& box : tracker.predict(time)) REQUIRE(is_valid(box));
      if (frame % 6 == 5) {
        Tracker restored(set, options);
        restored.restore(tracker.save());
        REQUIRE(restored.save() == tracker.save());
      }
    }
  }
}
