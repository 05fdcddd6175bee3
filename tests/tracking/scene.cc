/// People of points.
#include "tracking/scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

namespace posekit_test {

using namespace posekit;

namespace {

/// coco17 standing, in heights from the middle of the feet: x right, y up.
constexpr std::array<Point, 17> standing{{{0, 0.93},
                                          {0.02, 0.95},
                                          {-0.02, 0.95},
                                          {0.045, 0.94},
                                          {-0.045, 0.94},
                                          {0.11, 0.82},
                                          {-0.11, 0.82},
                                          {0.14, 0.63},
                                          {-0.14, 0.63},
                                          {0.15, 0.46},
                                          {-0.15, 0.46},
                                          {0.07, 0.52},
                                          {-0.07, 0.52},
                                          {0.075, 0.28},
                                          {-0.075, 0.28},
                                          {0.08, 0.04},
                                          {-0.08, 0.04}}};
/// How far each swings when walking, in heights; left and right against each other.
constexpr std::array<double, 17> swing{0, 0, 0, 0, 0, 0, 0, -0.05, 0.05, -0.12, 0.12, 0, 0, 0.07, -0.07, 0.15, -0.15};

bool covers(const Box& box, const Keypoint& point) {
  return static_cast<double>(point.x) > box.x1 && static_cast<double>(point.x)<box.x2&& static_cast<double>(point.y)> box.y1 &&
         static_cast<double>(point.y) < box.y2;
}

/// A box's inner part, where a body really hides what is behind it.
Box core(const Box& box) {
  const double inset = 0.2 * (box.x2 - box.x1);
  return {box.x1 + inset, box.y1, box.x2 - inset, box.y2};
}

}  // namespace

double uniform(std::mt19937& random) { return (static_cast<double>(random()) + 0.5) / 4294967296.0; }

double gauss(std::mt19937& random) {
  const double a = uniform(random);
  return std::sqrt(-2 * std::log(a)) * std::cos(2 * std::numbers::pi * uniform(random));
}

Pose exact_pose(const Walker& walker, double time_s) {
  const double away = time_s - walker.enter_s;
  // Slows down, stands and comes back, within about 0.8 s.
  const double walked = std::min(away, walker.turn_s - walker.enter_s - std::hypot(time_s - walker.turn_s, 0.4));
  const Point feet{walker.start.x + walker.velocity.x * walked, walker.start.y + walker.velocity.y * walked};
  const double speed = std::hypot(walker.velocity.x, walker.velocity.y) / walker.height;
  const double step = std::min(1.0, speed) * std::sin(2 * std::numbers::pi * (0.9 * time_s + walker.phase));
  Pose pose;
  double x1 = 1e9;
  double x2 = -1e9;
  for (std::size_t k = 0; k < standing.size(); ++k) {
    const double x = feet.x + walker.height * (standing[k].x + swing[k] * step);
    pose.keypoints.push_back({static_cast<float>(x), static_cast<float>(feet.y - walker.height * standing[k].y), 0.9F});
    x1 = std::min(x1, x);
    x2 = std::max(x2, x);
  }
  const double margin = 0.04 * walker.height;
  pose.box = {x1 - margin, feet.y - walker.height, x2 + margin, feet.y, 0.9F};
  return pose;
}

Shot shoot(const std::vector<Walker>& walkers, const Camera& camera, double time_s, std::mt19937& random) {
  Shot shot{.time_s = time_s, .poses = {}, .people = {}, .truth = {}};
  for (std::size_t i = 0; i < walkers.size(); ++i) {
    if (time_s < walkers[i].enter_s || time_s >= walkers[i].leave_s) continue;
    shot.truth.push_back(exact_pose(walkers[i], time_s));
    shot.truth.back().track_id = static_cast<std::int64_t>(i);
  }
  for (const Pose& truth : shot.truth) {
    Pose pose = truth;
    pose.track_id.reset();
    const double height = truth.box.y2 - truth.box.y1;
    std::size_t hidden = 0;
    for (Keypoint& point : pose.keypoints) {
      const bool covered = camera.occlusion && std::ranges::any_of(shot.truth, [&](const Pose& other) {
                             return other.box.y2 > truth.box.y2 && covers(core(other.box), point);
                           });
      const double noise = (covered ? 6 : 1) * camera.point_noise * height;
      point = {point.x + static_cast<float>(noise * gauss(random)), point.y + static_cast<float>(noise * gauss(random)),
               covered ? 0.2F : 0.9F};
      hidden += covered ? 1 : 0;
    }
    for (double* side : {&pose.box.x1, &pose.box.y1, &pose.box.x2, &pose.box.y2}) *side += camera.box_noise * height * gauss(random);
    const double seen = 1 - static_cast<double>(hidden) / static_cast<double>(pose.keypoints.size());
    const bool missed = uniform(random) < camera.miss;
    if (missed || seen < 0.3) continue;
    pose.box.score = seen < 0.7 ? 0.35F : 0.9F;
    pose.box_index = shot.poses.size();
    shot.people.push_back(*truth.track_id);
    shot.poses.push_back(std::move(pose));
  }
  if (uniform(random) < camera.ghost) {
    const Walker nobody{
        .height = 150 + 250 * uniform(random), .start = {1920 * uniform(random), 400 + 600 * uniform(random)}, .velocity = {}};
    shot.poses.push_back(exact_pose(nobody, 0));
    shot.poses.back().box.score = static_cast<float>(0.3 + 0.4 * uniform(random));
    shot.poses.back().box_index = shot.poses.size() - 1;
    shot.people.push_back(-1);
  }
  return shot;
}

std::vector<double> times(double seconds, double fps, bool irregular, std::mt19937& random) {
  std::vector<double> result;
  double time = 0;
  for (std::size_t i = 0; time < seconds; ++i) {
    result.push_back(time);
    time = irregular ? time + (0.3 + 1.4 * uniform(random)) / fps : static_cast<double>(i + 1) / fps;
  }
  return result;
}

}  // namespace posekit_test
