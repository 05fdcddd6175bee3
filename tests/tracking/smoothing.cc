/// Smoothing: how much calmer, how much later, at which frame rates.
#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <cstdio>
#include <limits>

#include "posekit/tracker.h"
#include "tracking/scene.h"

using namespace posekit;
using namespace posekit_test;

namespace {

constexpr double height = 400;  // pixels, 1.7 m: a person who fills the better part of a picture of 480 rows

const KeypointSet& coco() { return builtin_keypoint_set("coco17"); }

double deviation(const std::vector<double>& values) {
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// The same path for every camera: one walker, exact or with noise of so many pixels on keypoints.
Pose seen(const Walker& walker, double time, double noise, std::mt19937& random) {
  Pose pose = exact_pose(walker, time);
  for (Keypoint& point : pose.keypoints) {
    point.x += static_cast<float>(noise * gauss(random));
    point.y += static_cast<float>(noise * gauss(random));
  }
  return pose;
}

}  // namespace

TEST_CASE("Smoothing lowers the deviation of still keypoints under noise of 2 pixels at least threefold") {
  const double fps = GENERATE(10.0, 30.0, 60.0);
  const bool irregular = GENERATE(false, true);
  std::mt19937 random(1);
  Tracker tracker(coco());
  std::vector<std::vector<double>> before(34);
  std::vector<std::vector<double>> after(34);
  for (const double time : times(60, fps, irregular, random)) {
    std::vector<Pose> poses{seen({.height = height, .start = {500, 700}, .velocity = {}}, time, 2, random)};
    const Pose raw = poses[0];
    tracker.update(time, poses);
    for (std::size_t k = 0; k < 17 && time > 3; ++k) {
      before[2 * k].push_back(static_cast<double>(raw.keypoints[k].x));
      before[2 * k + 1].push_back(static_cast<double>(raw.keypoints[k].y));
      after[2 * k].push_back(static_cast<double>(poses[0].keypoints[k].x));
      after[2 * k + 1].push_back(static_cast<double>(poses[0].keypoints[k].y));
    }
  }
  double raw = 0;
  double smooth = 0;
  for (std::size_t i = 0; i < 34; ++i) {
    raw += deviation(before[i]) / 34;
    smooth += deviation(after[i]) / 34;
  }
  std::printf("noise, %2.0f fps%s: %.2f px becomes %.2f px, 1/%.1f\n", fps, irregular ? ", irregular" : "", raw, smooth, raw / smooth);
  CHECK(raw / smooth >= 3);
}

TEST_CASE("Keypoints of a walk at 1.5 m/s lag by at most two frames") {
  const double fps = GENERATE(10.0, 30.0, 60.0);
  const double noise = GENERATE(0.0, 2.0);
  std::mt19937 random(2);
  const double speed = 1.5 / 1.7 * height;  // pixels a second
  const Walker walker{.height = height, .start = {0, 700}, .velocity = {speed, 0}};
  Tracker tracker(coco());
  double behind = 0;
  int count = 0;
  for (const double time : times(6, fps, false, random)) {
    std::vector<Pose> poses{seen(walker, time, noise, random)};
    const Pose truth = exact_pose(walker, time);
    tracker.update(time, poses);
    for (std::size_t k = 0; k < 17 && time > 1.5; ++k) {
      behind += static_cast<double>(truth.keypoints[k].x - poses[0].keypoints[k].x);
      ++count;
    }
  }
  const double lag = behind / count / speed * fps;
  std::printf("lag, %2.0f fps, noise %.0f px: %.2f frames, %.0f ms, %.1f px\n", fps, noise, lag, 1000 * lag / fps, behind / count);
  CHECK(lag <= 2);
  CHECK(lag >= 0);
}

TEST_CASE("A cut resets the filter, so the first keypoints after it pass unchanged") {
  std::mt19937 random(4);
  Tracker tracker(coco());
  for (int i = 0; i < 60; ++i) {
    std::vector<Pose> poses{seen({.height = height, .start = {500, 700}, .velocity = {}}, i / 30.0, 2, random)};
    tracker.update(i / 30.0, poses);
  }
  // Near enough to be taken for the same person: the boxes overlap by half.
  const Walker other{.height = height, .start = {555, 700}, .velocity = {}};
  std::vector<Pose> poses{exact_pose(other, 2)};
  const Pose raw = poses[0];
  tracker.update(2, poses);
  CHECK(poses[0].track_id == 1);
  CHECK(poses[0].keypoints == raw.keypoints);
}

TEST_CASE("A gap resets the filter, and the id stays") {
  Tracker tracker(coco());
  for (int i = 0; i <= 30; ++i) {
    std::vector<Pose> poses{exact_pose({.height = height, .start = {500, 700}, .velocity = {}}, i / 30.0)};
    tracker.update(i / 30.0, poses);
  }
  std::vector<Pose> poses{exact_pose({.height = height, .start = {520, 700}, .velocity = {}}, 1.5)};
  const Pose raw = poses[0];
  tracker.update(1.5, poses);
  CHECK(poses[0].keypoints == raw.keypoints);
  CHECK(poses[0].track_id == 1);
}

TEST_CASE("Keypoints that are NaN, infinite or without a score pass unchanged and affect no others") {
  std::mt19937 random(6);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  Tracker clean(coco());
  Tracker dirty(coco());
  for (int i = 0; i < 90; ++i) {
    const double time = i / 30.0;
    std::vector<Pose> a{seen({.height = height, .start = {500, 700}, .velocity = {}}, time, 2, random)};
    std::vector<Pose> b = a;
    if (i % 3 == 1) {
      b[0].keypoints[3] = {nan, 5, 0.9F};
      b[0].keypoints[4] = {infinity, -infinity, 0.9F};
      b[0].keypoints[5] = {-1000, -1000, 0};
      b[0].keypoints[6].score = nan;
      b[0].keypoints[7] = {3e30F, 0, 0.9F};
    }
    const Pose given = b[0];
    clean.update(time, a);
    dirty.update(time, b);
    CHECK(b[0].track_id == 1);
    for (std::size_t k = 0; k < 17; ++k) {
      if (i % 3 == 1 && k >= 3 && k <= 7) {
        CHECK(std::isnan(b[0].keypoints[k].x) == std::isnan(given.keypoints[k].x));
        if (!std::isnan(given.keypoints[k].x)) CHECK(b[0].keypoints[k].x == given.keypoints[k].x);
        continue;
      }
      // Its neighbours don't notice; it goes on near where it would have been.
      CHECK(std::abs(b[0].keypoints[k].x - a[0].keypoints[k].x) <= (k >= 3 && k <= 7 ? 2.5F : 0.05F));
    }
  }
}

TEST_CASE("Keypoints pass unchanged without smoothing") {
  std::mt19937 random(6);
  Tracker tracker(coco(), {.smoothing = {.enabled = false}});
  for (int i = 0; i < 10; ++i) {
    std::vector<Pose> poses{seen({.height = height, .start = {500, 700}, .velocity = {}}, i / 30.0, 2, random)};
    const Pose raw = poses[0];
    tracker.update(i / 30.0, poses);
    CHECK(poses[0].keypoints == raw.keypoints);
    CHECK(poses[0].track_id == 1);
  }
}

TEST_CASE("Half the frame rate gives the same ids and nearly the same smooth path") {
  std::mt19937 random(8);
  std::vector<Walker> walkers;
  for (int i = 0; i < 4; ++i) {
    walkers.push_back({.height = 300,
                       .start = {400.0 * i, 700},
                       .velocity = {i % 2 == 0 ? 130.0 : -100.0, 0},
                       .enter_s = 0.3 * i,
                       .turn_s = 4,
                       .phase = 0.2 * i});
    walkers.back().start.y = 400.0 * i;
  }
  Tracker whole(coco());
  Tracker half(coco());
  double sum = 0;
  double worst = 0;
  int count = 0;
  for (int frame = 0; frame < 60 * 8; ++frame) {
    const double time = frame / 60.0;
    Shot shot = shoot(walkers, {.point_noise = 0}, time, random);
    std::vector<Pose> a = shot.poses;
    std::vector<Pose> b = shot.poses;
    whole.update(time, a);
    if (frame % 2 == 1) continue;
    half.update(time, b);
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!a[i].track_id || !b[i].track_id) continue;
      REQUIRE(a[i].track_id == b[i].track_id);
      for (std::size_t k = 0; k < 17; ++k) {
        const double apart = std::hypot(static_cast<double>(a[i].keypoints[k].x - b[i].keypoints[k].x),
                                        static_cast<double>(a[i].keypoints[k].y - b[i].keypoints[k].y)) /
                             300;
        sum += apart;
        worst = std::max(worst, apart);
        ++count;
      }
    }
  }
  std::printf("60 and 30 fps: the smooth paths differ by %.4f of the height on average, %.4f at most\n", sum / count, worst);
  CHECK(sum / count < 0.005);
  CHECK(worst < 0.03);
}
