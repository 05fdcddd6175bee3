/// A stream whose three stages sleep for 10 ms each, beside the same work one after the other.
#include <benchmark/benchmark.h>

#include <chrono>
#include <thread>

#include "pipeline/scripted.h"

namespace {

using namespace posekit;
using namespace std::chrono_literals;

constexpr std::size_t frames = 200;

void nap(std::size_t /*number*/) { std::this_thread::sleep_for(10ms); }

void sleeping_stages_in_turn(benchmark::State& state) {
  const Predictor predictor(posekit_test::scripted_estimator(nap), posekit_test::scripted_detector(nap));
  for (auto _ : state) {
    for (std::size_t i = 0; i < frames; ++i) {
      const Frame frame = posekit_test::numbered_frame(i);
      benchmark::DoNotOptimize(predictor.predict(frame.image));
      nap(i);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames));
}

void sleeping_stages_in_a_pipeline(benchmark::State& state) {
  const Predictor predictor(posekit_test::scripted_estimator(nap), posekit_test::scripted_detector(nap));
  for (auto _ : state) {
    Pipeline pipeline(predictor, [](const PipelineResult& out) { nap(out.frame.index); });
    pipeline.run([next = std::size_t{0}]() mutable -> std::optional<PipelineInput> {
      if (next == frames) return std::nullopt;
      return PipelineInput{posekit_test::numbered_frame(next++), std::nullopt};
    });
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames));
}

BENCHMARK(sleeping_stages_in_turn)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(sleeping_stages_in_a_pipeline)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
