/// What a call of parallel_for costs.
#include "posekit/executor.h"

#include <benchmark/benchmark.h>

#include <memory>

namespace {

using namespace posekit;

void empty_tasks(benchmark::State& state, Executor& executor) {
  for (auto _ : state) executor.parallel_for(16, [](std::size_t index, std::size_t) { benchmark::DoNotOptimize(index); });
}

void serial_16_tasks(benchmark::State& state) {
  SerialExecutor executor;
  empty_tasks(state, executor);
}

void pool_16_tasks(benchmark::State& state) {
  ThreadPool executor(static_cast<std::size_t>(state.range(0)));
  empty_tasks(state, executor);
}

BENCHMARK(serial_16_tasks)->Unit(benchmark::kMicrosecond);
BENCHMARK(pool_16_tasks)->Arg(2)->Arg(4)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
