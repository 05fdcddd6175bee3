/// Films with known truth, tracked by posekit and by a plain greedy IoU tracker: JSON lines for evaluate.py.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "posekit/tracker.h"
#include "tracking/scene.h"

using namespace posekit;
using namespace posekit_test;

namespace {

/// What many programs do: the best overlap with the last box goes first, from 0.3 on; a person is remembered for as long as posekit's.
class GreedyIou {
 public:
  void update(double time_s, std::vector<Pose>& poses) {
    std::erase_if(people_, [&](const Person& person) { return time_s - person.seen_s > 1; });
    struct Pair {
      double overlap;
      std::size_t person, pose;
    };
    std::vector<Pair> pairs;
    for (std::size_t p = 0; p < people_.size(); ++p) {
      for (std::size_t i = 0; i < poses.size(); ++i) pairs.push_back({iou(people_[p].box, poses[i].box), p, i});
    }
    std::ranges::stable_sort(pairs, std::greater{}, &Pair::overlap);
    std::vector<bool> taken(people_.size(), false);
    for (const Pair& pair : pairs) {
      if (pair.overlap < 0.3 || taken[pair.person] || poses[pair.pose].track_id) continue;
      taken[pair.person] = true;
      poses[pair.pose].track_id = people_[pair.person].id;
      people_[pair.person] = {people_[pair.person].id, time_s, poses[pair.pose].box};
    }
    for (Pose& pose : poses) {
      if (pose.track_id || pose.box.score < 0.5F) continue;
      pose.track_id = next_id_++;
      people_.push_back({*pose.track_id, time_s, pose.box});
    }
  }

 private:
  struct Person {
    std::int64_t id;
    double seen_s;
    Box box;
  };
  std::vector<Person> people_;
  std::int64_t next_id_ = 1;
};

std::vector<Walker> lanes(std::mt19937& random) {
  std::vector<Walker> walkers;
  for (int i = 0; i < 6; ++i) {
    const double height = 150 + 20 * i;
    const double speed = (i % 2 == 0 ? 1 : -1) * (0.5 + 1.5 * uniform(random)) / 1.7 * height;
    walkers.push_back({.height = height,
                       .start = {960, 300.0 * i},
                       .velocity = {speed, 0},
                       .enter_s = 3 * uniform(random),
                       .leave_s = 16 + 4 * uniform(random),
                       .turn_s = 5 + 5 * uniform(random),
                       .phase = uniform(random)});
  }
  return walkers;
}

/// A street: people of about one distance walk both ways across each other's path and hide each other.
std::vector<Walker> street(std::mt19937& random, int people) {
  std::vector<Walker> walkers;
  for (int i = 0; i < people; ++i) {
    const double depth = uniform(random);
    const double height = 200 + 120 * depth;
    const double speed = (i % 2 == 0 ? 1 : -1) * (0.8 + 1.2 * uniform(random)) / 1.7 * height;
    const double enter = 8 * uniform(random);
    walkers.push_back({.height = height,
                       .start = {speed > 0 ? 200 * uniform(random) : 1920 - 200 * uniform(random), 650 + 120 * depth},
                       .velocity = {speed, 0},
                       .enter_s = enter,
                       .leave_s = enter + 1600 / std::abs(speed),
                       .turn_s = i % 5 == 0 ? enter + 3 : 1e9,
                       .phase = uniform(random)});
  }
  return walkers;
}

std::string people_text(const std::vector<Pose>& poses) {
  std::string text;
  for (const Pose& pose : poses) {
    if (!pose.track_id) continue;
    text += fmt::format("{}[{}, {:.2f}, {:.2f}, {:.2f}, {:.2f}]", text.empty() ? "" : ", ", *pose.track_id, pose.box.x1, pose.box.y1,
                        pose.box.x2, pose.box.y2);
  }
  return "[" + text + "]";
}

void show(const std::string& name, const std::vector<Walker>& walkers, const Camera& camera, double fps, bool irregular,
          std::uint32_t seed) {
  std::mt19937 random(seed);
  Tracker tracker(builtin_keypoint_set("coco17"));
  GreedyIou greedy;
  for (const double time : times(20, fps, irregular, random)) {
    const Shot shot = shoot(walkers, camera, time, random);
    std::vector<Pose> ours = shot.poses;
    std::vector<Pose> plain = shot.poses;
    tracker.update(time, ours);
    greedy.update(time, plain);
    std::puts(fmt::format(R"({{"film": "{}", "fps": "{}{}", "seed": {}, "truth": {}, "posekit": {}, "iou": {}}})", name, fps,
                          irregular ? " irregular" : "", seed, people_text(shot.truth), people_text(ours), people_text(plain))
                  .c_str());
  }
}

}  // namespace

int main() {
  for (const auto& [fps, irregular] : {std::pair{10.0, false}, {30.0, false}, {60.0, false}, {20.0, true}}) {
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
      std::mt19937 random(seed);
      show("apart", lanes(random), {.miss = 0.05}, fps, irregular, seed);
      show("crossing", street(random, 10), {.miss = 0.05, .ghost = 0.05, .occlusion = true}, fps, irregular, seed);
      show("crowd", street(random, 20), {.miss = 0.05, .ghost = 0.1, .occlusion = true}, fps, irregular, seed);
    }
  }
  return 0;
}
