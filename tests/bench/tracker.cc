/// The tracker: 200 people a frame, apart, and so crowded that everybody overlaps with many.
#include "posekit/tracker.h"

#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "tracking/scene.h"

namespace {

using namespace posekit;

/// One second of film at 30 frames a second, forwards and backwards, so that it goes on for ever. Heights and distances in pixels.
std::vector<std::vector<Pose>> film(double distance) {
  std::mt19937 random(1);
  std::vector<posekit_test::Walker> walkers;
  for (int i = 0; i < 200; ++i) {
    walkers.push_back(
        {.height = 200, .start = {distance * (i % 20), 200 + 2 * distance * (i / 20)}, .velocity = {60.0 - i % 120, 0}, .phase = 0.01 * i});
  }
  std::vector<std::vector<Pose>> frames;
  for (int frame = 0; frame < 30; ++frame) frames.push_back(posekit_test::shoot(walkers, {.miss = 0.02}, frame / 30.0, random).poses);
  for (std::size_t frame = 28; frame > 0; --frame) frames.push_back(frames[frame]);
  return frames;
}

void track(benchmark::State& state) {
  const auto frames = film(static_cast<double>(state.range(0)));
  Tracker tracker(builtin_keypoint_set("coco17"));
  std::vector<Pose> poses;
  std::size_t frame = 0;
  const auto next = [&] {
    poses = frames[frame % frames.size()];
    tracker.update(static_cast<double>(++frame) / 30, poses);
  };
  for (int i = 0; i < 60; ++i) next();
  for (auto _ : state) next();
}
BENCHMARK(track)->ArgName("pixels_apart")->Arg(120)->Arg(40)->Arg(15)->Unit(benchmark::kMicrosecond);

}  // namespace
