/// A stream of photos through the shipped models, beside the plain loop; and two streams that share models and executor. The loop gives
/// Torch all CPUs, the streams one thread a call and as many calls as CPUs: each is the faster way there (docs/performance.md).
#include <benchmark/benchmark.h>

#include <array>
#include <thread>

#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/paths.h"

namespace {

using namespace posekit;

constexpr std::size_t frames = 24;

struct Models {
  std::shared_ptr<ThreadPool> pool = std::make_shared<ThreadPool>();
  Predictor predictor{PoseEstimator(path("pose_landmark_lite.pt"), estimator_options()),
                      PersonDetector(path("person_detector.pt"), detector_options())};

  static std::filesystem::path path(const char* name) { return posekit_test::source_dir() / "examples/models" / name; }
  DetectorOptions detector_options() const {
    DetectorOptions options;
    options.executor = pool;
    return options;
  }
  EstimatorOptions estimator_options() const {
    EstimatorOptions options;
    options.executor = pool;
    return options;
  }
};

/// @param torch_threads is set: fused operators are compiled for that number
const Models& models(int torch_threads) {
  set_torch_threads(torch_threads);
  if (torch_threads == 1) {
    static const Models for_one;
    return for_one;
  }
  static const Models for_all;
  return for_all;
}

const Frame& photo(std::size_t index) {
  static const std::array photos{make_frame(read_image(posekit_test::source_dir() / "examples/images/people.jpg"), 0, 0),
                                 make_frame(read_image(posekit_test::source_dir() / "examples/images/astronaut.jpg"), 0, 0)};
  return photos[index % photos.size()];
}

void plain_loop(benchmark::State& state) {
  const Predictor& predictor = models(static_cast<int>(usable_cpus())).predictor;
  for (auto _ : state) {
    for (std::size_t i = 0; i < frames; ++i) {
      benchmark::DoNotOptimize(predictor.predict(photo(i).image));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames));
}

void stream() {
  const auto sink = [](const PipelineResult& out) {
    if (out.result.code != ErrorCode::ok) std::abort();
  };
  Pipeline pipeline(models(1).predictor, sink, {.detect_calls = usable_cpus(), .estimate_calls = usable_cpus()});
  pipeline.run([next = std::size_t{0}]() mutable {
    return next < frames ? std::optional(PipelineInput{photo(next++), {}}) : std::nullopt;
  });
}

void pipeline(benchmark::State& state) {
  for (auto _ : state) stream();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames));
}

void two_pipelines(benchmark::State& state) {
  for (auto _ : state) {
    const std::jthread other(stream);
    stream();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(2 * frames));
}

BENCHMARK(plain_loop)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(pipeline)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(two_pipelines)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
