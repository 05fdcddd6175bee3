/// The shipped pose model on the shipped photos, whole: what is around the forward, and whether a pool disturbs Torch's own threads.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "posekit/detector.h"
#include "posekit/estimator.h"
#include "posekit/image_io.h"
#include "posekit/runtime.h"
#include "support/paths.h"

namespace {

using namespace posekit;

/// The people whom the shipped detector finds in the shipped photos.
struct Photos {
  std::vector<Image> images;
  std::vector<std::vector<Box>> boxes;

  Photos() {
    const std::filesystem::path examples = posekit_test::source_dir() / "examples";
    const PersonDetector detector(examples / "models/person_detector.pt");
    for (const char* name : {"people.jpg", "astronaut.jpg", "camera.jpg"}) {
      images.push_back(read_image(examples / "images" / name));
      boxes.push_back(detector.detect(images.back().view()));
    }
  }
};

const Photos& photos() {
  static const Photos once;
  return once;
}

std::vector<ImageBoxes> input() {
  std::vector<ImageBoxes> images;
  for (std::size_t i = 0; i < photos().images.size(); ++i) images.push_back({photos().images[i].view(), photos().boxes[i]});
  return images;
}

const std::filesystem::path& model() {
  static const std::filesystem::path path = posekit_test::source_dir() / "examples/models/pose_landmark_full.pt";
  return path;
}

/// @param state its arguments: threads of the pool (0: serial), and Torch's
void whole_job(benchmark::State& state) {
  set_torch_threads(static_cast<int>(state.range(1)));
  EstimatorOptions options;
  if (state.range(0) > 0) options.executor = std::make_shared<ThreadPool>(static_cast<std::size_t>(state.range(0)));
  const PoseEstimator estimator(model(), options);
  const std::vector<ImageBoxes> images = input();

  Milliseconds forward{};
  Milliseconds rest{};
  for (auto _ : state) {
    for (const ImageResult& result : estimator.estimate_batch(images)) {
      if (result.code != ErrorCode::ok) state.SkipWithError(result.message.c_str());
      forward += result.timings.inference;
      rest += result.timings.preprocess + result.timings.postprocess;
    }
  }
  state.counters["rest_by_forward"] = rest / forward;
}

/// The same photos four times over in one call. @param state its argument: how many replicas, each of one Torch thread
void replicas(benchmark::State& state) {
  set_torch_threads(1);
  ModelOptions options;
  options.device = state.range(0) == 1 ? "cpu" : "cpu,cpu";
  const PoseEstimator estimator(Model(model(), options));
  std::vector<ImageBoxes> images;
  for (int copy = 0; copy < 4; ++copy) {
    for (const ImageBoxes& image : input()) images.push_back(image);
  }
  for (auto _ : state) {
    for (const ImageResult& result : estimator.estimate_batch(images)) {
      if (result.code != ErrorCode::ok) state.SkipWithError(result.message.c_str());
    }
  }
}

BENCHMARK(replicas)->ArgName("count")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(whole_job)->ArgNames({"pool", "torch"})->Args({0, 1})->Args({0, 2})->Args({2, 2})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

/// With memory kept, as the program does: else the figures are those of fresh pages.
int main(int argc, char** argv) {
  posekit::keep_freed_memory();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
