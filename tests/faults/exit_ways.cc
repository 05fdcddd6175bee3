/// Ends while models run, without a close or a destructor: posekit_exit_ways MODEL WAY. Its exit code is 3 where exit() was called, else 0.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "posekit/posekit.h"

using namespace posekit;  // NOLINT(google-build-using-namespace): a test's words

namespace {

constexpr int asked_for = 3;
constexpr int width = 640;
constexpr int height = 480;

// Destroyed after what Torch has made since main began.
std::shared_ptr<ThreadPool> pool;
std::shared_ptr<const PoseEstimator> estimator;
std::unique_ptr<Pipeline> pipeline;
std::latch begun(1);

PipelineInput frame(std::size_t index) {
  static const std::vector<std::uint8_t>& pixels = *new std::vector<std::uint8_t>(std::size_t{width} * height * 3, 90);
  return {.frame = {.image = {pixels.data(), width, height, static_cast<std::size_t>(width) * 3, PixelFormat::bgr8},
                    .owner = {},
                    .index = index,
                    .time_s = 0},
          .boxes = std::vector<Box>{{20, 10, 375, 470}}};
}

std::shared_ptr<const PoseEstimator> estimator_on(std::shared_ptr<Executor> executor, const std::string& model) {
  EstimatorOptions options;
  options.executor = std::move(executor);
  return std::make_shared<const PoseEstimator>(model, std::move(options));
}

void drop(const PipelineResult& /*result*/) {}

void submit_frames(Pipeline::Sink sink = drop) {
  pipeline = std::make_unique<Pipeline>(Predictor(estimator), std::move(sink));
  for (std::size_t i = 0; i < 6; ++i) (void)pipeline->submit(frame(i));
}

/// Another thread calls exit().
[[noreturn]] void wait_for_the_end() {
  for (;;) pause();
}

/// An executor of the program's own, whose every call may end the process.
class EndingExecutor final : public Executor {
 public:
  [[nodiscard]] std::size_t slots() const noexcept override { return 1; }
  void parallel_for(std::size_t n, TaskRef task) override {
    for (std::size_t i = 0; i < n; ++i) task(i, 0);
    if (++calls_ == 4) std::exit(asked_for);
  }

 private:
  int calls_ = 0;
};

void by_sink() {
  submit_frames([](const PipelineResult& result) {
    if (result.frame.index == 1) std::exit(asked_for);
  });
  wait_for_the_end();
}

void by_source() {
  submit_frames();
  std::size_t next = 6;
  pipeline->run([&]() -> std::optional<PipelineInput> {
    if (next == 9) std::exit(asked_for);
    return frame(next++);
  });
}

void by_executor(const std::string& model) {
  estimator = estimator_on(std::make_shared<EndingExecutor>(), model);
  submit_frames();
  wait_for_the_end();
}

/// A task of the pool that the estimator uses too.
void by_pool_task() {
  submit_frames();
  pool->parallel_for(2, [](std::size_t index, std::size_t) {
    if (index == 1) std::exit(asked_for);
  });
  wait_for_the_end();
}

void by_log(const std::string& model) {
  submit_frames();
  set_log_callback([](LogLevel, std::string_view) { std::exit(asked_for); });
  ModelOptions options;
  options.metadata = MetadataDocument{to_json(estimator->info()).insert(1, R"("of no meaning": 1,)")};
  const Model second(model, options);
}

void by_signal() {
  (void)signal(SIGALRM, [](int) { std::exit(asked_for); });
  submit_frames([](const PipelineResult& result) {
    if (result.frame.index == 2) kill(getpid(), SIGALRM);
  });
  for (std::size_t i = 6;; ++i) (void)pipeline->submit(frame(i));
}

/// What is global goes with the process, after Torch's own.
void global_objects() { submit_frames(); }

/// A thread that is joined only when static objects are destroyed, and gets an error rather than a wait without end.
void global_thread() {
  static std::jthread worker;
  worker = std::jthread([] {
    const PipelineInput input = frame(0);
    try {
      for (int done = 0;; ++done) {
        (void)estimator->estimate(input.frame.image, *input.boxes);
        if (done == 0) begun.count_down();
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::cancelled) _exit(1);
    }
  });
  begun.wait();
}

void during_load(const std::string& model) {
  std::jthread([&model] {
    try {
      const Model first(model);
      begun.count_down();
      for (;;) const Model another(model);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::cancelled) _exit(1);
    }
  }).detach();
  begun.wait();
  std::exit(asked_for);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string model = argv[1];
  const std::map<std::string, std::function<void()>> ways{{"sink", by_sink},
                                                          {"source", by_source},
                                                          {"executor", [&] { by_executor(model); }},
                                                          {"pool task", by_pool_task},
                                                          {"log", [&] { by_log(model); }},
                                                          {"signal", by_signal},
                                                          {"global objects", global_objects},
                                                          {"global thread", global_thread},
                                                          {"load", [&] { during_load(model); }}};
  const auto way = ways.find(argv[2]);
  if (way == ways.end()) return 2;
  pool = std::make_shared<ThreadPool>(2);
  estimator = estimator_on(pool, model);
  way->second();
  return 0;
}
