/// How a pipeline ends and what goes wrong in it: close, cancel, destruction, exceptions, deadlines, fork.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <latch>
#include <map>
#include <stdexcept>
#include <thread>

#include "pipeline/scripted.h"
#include "posekit/error.h"
#include "posekit/pipeline.h"
#include "support/in_child.h"

using namespace posekit;
using namespace std::chrono_literals;
using posekit_test::box_in;
using posekit_test::code_of;
using posekit_test::in_child;
using posekit_test::is_pose_of;
using posekit_test::numbered_frame;
using posekit_test::scripted_detector;
using posekit_test::scripted_estimator;
using posekit_test::with_box;

namespace {

/// What the sink saw, in order.
struct Seen {
  std::vector<PipelineResult> results;
  Pipeline::Sink sink() {
    return [this](PipelineResult out) { results.push_back(std::move(out)); };
  }
  std::map<ErrorCode, std::size_t> codes() const {
    std::map<ErrorCode, std::size_t> count;
    for (const PipelineResult& out : results) ++count[out.result.code];
    return count;
  }
  bool in_order() const {
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].frame.index != i) return false;
    }
    return true;
  }
};

}  // namespace

TEST_CASE("A source's exception comes out of run after the frames before it are delivered") {
  Seen seen;
  Pipeline pipeline({scripted_estimator(), scripted_detector()}, seen.sink());
  std::size_t next = 0;
  const auto source = [&]() -> std::optional<PipelineInput> {
    if (next == 37) throw std::out_of_range("the camera is gone");
    return PipelineInput{numbered_frame(next++), std::nullopt};
  };
  CHECK_THROWS_AS(pipeline.run(source), std::out_of_range);
  CHECK(seen.in_order());
  CHECK(seen.codes() == std::map<ErrorCode, std::size_t>{{ErrorCode::ok, 37}});
  CHECK(code_of([&] { pipeline.submit(with_box(0)); }) == ErrorCode::closed);
}

TEST_CASE("A model that throws an object of any type fails only its own frame") {
  const auto estimator = scripted_estimator([](std::size_t number) {
    if (number == 5) throw std::runtime_error("on purpose");
    if (number == 6) throw 6;  // not even an exception
    if (number == 7) throw std::bad_alloc();
  });
  Seen seen;
  Pipeline pipeline({estimator, nullptr}, seen.sink());
  for (std::size_t i = 0; i < 20; ++i) CHECK(pipeline.submit(with_box(i)));
  pipeline.close();
  REQUIRE(seen.results.size() == 20);
  CHECK(seen.in_order());
  CHECK(seen.codes() == std::map<ErrorCode, std::size_t>{{ErrorCode::ok, 17}, {ErrorCode::internal, 2}, {ErrorCode::out_of_memory, 1}});
  CHECK(seen.results[5].result.message == "on purpose");
  CHECK(seen.results[5].boxes.size() == 1);
  CHECK(seen.results[6].result.message == "an exception that is not derived from std::exception was thrown: derive it from std::exception");
}

TEST_CASE("A sink's first exception comes out at the end, after the other frames are delivered") {
  const bool by_run = GENERATE(false, true);
  std::vector<std::size_t> delivered;
  Pipeline pipeline({scripted_estimator(), nullptr}, [&](const PipelineResult& out) {
    if (out.frame.index == 3) throw std::runtime_error("the first");
    if (out.frame.index == 4) throw std::logic_error("the second");
    delivered.push_back(out.frame.index);
  });
  if (by_run) {
    const auto source = [next = std::size_t{0}]() mutable { return next < 10 ? std::optional(with_box(next++)) : std::nullopt; };
    CHECK_THROWS_AS(pipeline.run(source), std::runtime_error);
  } else {
    for (std::size_t i = 0; i < 10; ++i) CHECK(pipeline.submit(with_box(i)));
    CHECK_THROWS_AS(pipeline.close(), std::runtime_error);
  }
  CHECK_THROWS_AS(pipeline.close(), std::runtime_error);
  CHECK(delivered == std::vector<std::size_t>{0, 1, 2, 5, 6, 7, 8, 9});
  const PipelineMetrics metrics = pipeline.metrics();
  CHECK(metrics.delivered == 8);
  CHECK(metrics.failed == 2);
}

TEST_CASE("run throws the source's or its own error, and close then throws the sink's") {
  const bool by_source = GENERATE(false, true);
  Pipeline* itself = nullptr;
  std::latch thrown(1);
  Pipeline pipeline({scripted_estimator(), nullptr}, [&](const PipelineResult& out) {
    if (out.frame.index > 0) return;
    itself->cancel();
    thrown.count_down();
    throw std::logic_error("the sink's");
  });
  itself = &pipeline;
  std::stop_source stop;
  const auto source = [&, next = std::size_t{0}]() mutable -> std::optional<PipelineInput> {
    if (next == 0) return with_box(next++);
    thrown.wait();
    if (by_source) throw std::out_of_range("the source's");
    stop.request_stop();
    return with_box(next++);
  };
  const RunControl control{.stop = stop.get_token(), .deadline = {}};
  if (by_source)
    CHECK_THROWS_AS(pipeline.run(source, control), std::out_of_range);
  else
    CHECK(code_of([&] { pipeline.run(source, control); }) == ErrorCode::cancelled);
  CHECK_THROWS_AS(pipeline.close(), std::logic_error);
}

TEST_CASE("A sink may cancel its pipeline, but is refused submit, close and run") {
  std::optional<Pipeline> pipeline;
  std::vector<ErrorCode> refused;
  std::size_t delivered = 0;
  pipeline.emplace(Predictor(scripted_estimator()), [&](const PipelineResult&) {
    if (++delivered != 5) return;
    refused.push_back(code_of([&] { pipeline->submit(with_box(0)); }));
    refused.push_back(code_of([&] { pipeline->close(); }));
    refused.push_back(code_of([&] { pipeline->run([] { return std::nullopt; }); }));
    pipeline->cancel();
  });
  std::size_t next = 0;
  CHECK(code_of([&] { pipeline->run([&] { return std::optional(with_box(next++ % 1000)); }); }) == ErrorCode::cancelled);
  CHECK(refused == std::vector(3, ErrorCode::invalid_argument));
  CHECK(delivered == pipeline->metrics().accepted);
}

TEST_CASE("cancel ends the call in flight, and unfinished frames reach the sink as cancelled, in order") {
  const bool in_detector = GENERATE(false, true);
  std::latch reached(1);
  std::latch opened(1);
  const posekit_test::Hook hook = [&](std::size_t number) {
    if (number != 2) return;
    reached.count_down();
    opened.wait();
  };
  Seen seen;
  Pipeline pipeline({scripted_estimator(in_detector ? nullptr : hook), scripted_detector(in_detector ? hook : nullptr)}, seen.sink());
  for (std::size_t i = 0; i < 6; ++i) CHECK(pipeline.submit({numbered_frame(i), std::nullopt}));
  reached.wait();
  pipeline.cancel();
  CHECK(code_of([&] { pipeline.submit(with_box(9)); }) == ErrorCode::closed);
  opened.count_down();
  pipeline.close();
  REQUIRE(seen.results.size() == 6);
  CHECK(seen.in_order());
  for (std::size_t i = 3; i < 6; ++i) {
    CHECK(seen.results[i].result.code == ErrorCode::cancelled);
    CHECK(seen.results[i].result.message.find("cancelled") != std::string::npos);
  }
  const PipelineMetrics metrics = pipeline.metrics();
  CHECK(metrics.accepted == 6);
  CHECK(metrics.delivered + metrics.failed == 6);
  CHECK(metrics.failed >= 3);
}

TEST_CASE("The destructor delivers every accepted frame, unfinished ones as cancelled") {
  const std::size_t frames = GENERATE(0U, 1U, 5U);
  std::latch reached(frames == 0 ? 0 : 1);
  std::latch opened(1);
  Seen seen;
  std::jthread opener([&] { opened.count_down(); });
  {
    Pipeline pipeline({scripted_estimator([&](std::size_t number) {
                         if (number == 0) reached.count_down();
                         opened.wait();
                       }),
                       nullptr},
                      seen.sink(), {.queue_frames = 8});
    for (std::size_t i = 0; i < frames; ++i) CHECK(pipeline.submit(with_box(i)));
    reached.wait();
  }
  CHECK(seen.results.size() == frames);
  CHECK(seen.in_order());
  const auto codes = seen.codes();
  std::size_t reported = 0;
  for (const auto& [code, count] : codes) reported += code == ErrorCode::ok || code == ErrorCode::cancelled ? count : 0;
  CHECK(reported == frames);
}

TEST_CASE("A frame that begins no call within frame_timeout fails with deadline_exceeded") {
  constexpr auto allowed = 10s;  // frame 0 must reach the model in it, on the busiest machine
  Seen seen;
  std::latch reached(1);
  std::latch opened(1);
  Pipeline pipeline({scripted_estimator([&](std::size_t number) {
                       if (number != 0) return;
                       reached.count_down();
                       opened.wait();
                     }),
                     nullptr},
                    seen.sink(), {.frame_timeout = allowed});
  CHECK(pipeline.submit(with_box(0)));
  reached.wait();
  CHECK(pipeline.submit(with_box(1)));
  const auto late = std::chrono::steady_clock::now() + allowed;
  while (std::chrono::steady_clock::now() < late) std::this_thread::sleep_until(late);  // the time that passes is the subject
  opened.count_down();
  pipeline.close();
  REQUIRE(seen.results.size() == 2);
  CHECK(is_pose_of(seen.results[0], box_in(0)));
  CHECK(seen.results[1].result.code == ErrorCode::deadline_exceeded);
  CHECK(seen.results[1].result.message.find("10000 ms") != std::string::npos);
}

TEST_CASE("run's control cancels the pipeline, and every accepted frame is reported") {
  std::stop_source stop;
  Seen seen;
  Pipeline pipeline({scripted_estimator(), nullptr}, seen.sink());
  std::size_t next = 0;
  const auto endless = [&] {
    if (next == 100) stop.request_stop();
    return std::optional(with_box(next++));
  };
  CHECK(code_of([&] { pipeline.run(endless, {.stop = stop.get_token(), .deadline = {}}); }) == ErrorCode::cancelled);
  CHECK(seen.in_order());
  CHECK(seen.results.size() == pipeline.metrics().accepted);

  Pipeline second({scripted_estimator(), nullptr}, [](const PipelineResult&) {});
  const RunControl control{.stop = {}, .deadline = std::chrono::steady_clock::now() + 20ms};
  CHECK(code_of([&] { second.run([&] { return std::optional(with_box(next++ % 1000)); }, control); }) == ErrorCode::deadline_exceeded);
}

TEST_CASE("An executor that fails fails only its frame") {
  class FailingExecutor final : public Executor {
   public:
    std::size_t slots() const noexcept override { return 1; }
    void parallel_for(std::size_t n, TaskRef task) override {
      if (++calls_ % 4 == 0) throw std::runtime_error("no thread today");
      for (std::size_t i = 0; i < n; ++i) task(i, 0);
    }

   private:
    std::size_t calls_ = 0;
  };
  EstimatorOptions options;
  options.executor = std::make_shared<FailingExecutor>();
  Seen seen;
  Pipeline pipeline({scripted_estimator({}, options), nullptr}, seen.sink());
  for (std::size_t i = 0; i < 40; ++i) CHECK(pipeline.submit(with_box(i)));
  pipeline.close();
  REQUIRE(seen.results.size() == 40);
  auto codes = seen.codes();
  CHECK(codes[ErrorCode::internal] == 20);  // two calls a frame, every fourth fails
  CHECK(codes[ErrorCode::ok] == 20);
}

TEST_CASE("A detection that throws no std::exception fails its frame and the frames between") {
  class ThrowingExecutor final : public Executor {
   public:
    std::size_t slots() const noexcept override { return 1; }
    void parallel_for(std::size_t n, TaskRef task) override {
      if (first_.exchange(false)) throw 1;
      for (std::size_t i = 0; i < n; ++i) task(i, 0);
    }

   private:
    std::atomic<bool> first_ = true;
  };
  DetectorOptions options;
  options.executor = std::make_shared<ThrowingExecutor>();
  Seen seen;
  Pipeline pipeline({scripted_estimator(), scripted_detector({}, options)}, seen.sink(), {.detect_every = 4});
  for (std::size_t i = 0; i < 8; ++i) CHECK(pipeline.submit({numbered_frame(i), std::nullopt}));
  pipeline.close();
  REQUIRE(seen.results.size() == 8);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(seen.results[i].result.code == ErrorCode::internal);
    CHECK(seen.results[i].result.message ==
          "an exception that is not derived from std::exception was thrown: derive it from std::exception");
  }
  for (std::size_t i = 4; i < 8; ++i) CHECK(is_pose_of(seen.results[i], box_in(4)));
}

TEST_CASE("A frame without an image fails alone") {
  Seen seen;
  Pipeline pipeline({scripted_estimator(), scripted_detector()}, seen.sink());
  CHECK(pipeline.submit({numbered_frame(0), std::nullopt}));
  CHECK(pipeline.submit({{.image = {}, .owner = {}, .index = 1, .time_s = 0}, std::nullopt}));
  CHECK(pipeline.submit({numbered_frame(2), std::nullopt}));
  pipeline.close();
  CHECK(seen.in_order());
  CHECK(seen.codes() == std::map<ErrorCode, std::size_t>{{ErrorCode::ok, 2}, {ErrorCode::invalid_argument, 1}});
}

TEST_CASE("A pipeline in a forked child refuses every call, and its destructor does not wait") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not allow threads' locks in a forked child");
#endif
  auto pipeline = std::make_unique<Pipeline>(Predictor(scripted_estimator()), [](const PipelineResult&) {});
  CHECK(pipeline->submit(with_box(0)));
  const int refused_calls = in_child([&] {
    int refused = 0;
    refused += code_of([&] { pipeline->submit(with_box(1)); }) == ErrorCode::forked ? 1 : 0;
    refused += code_of([&] { pipeline->run([] { return std::nullopt; }); }) == ErrorCode::forked ? 1 : 0;
    refused += code_of([&] { pipeline->close(); }) == ErrorCode::forked ? 1 : 0;
    refused += code_of([&] { pipeline->cancel(); }) == ErrorCode::forked ? 1 : 0;
    refused += code_of([&] { (void)pipeline->metrics(); }) == ErrorCode::forked ? 1 : 0;
    pipeline.reset();
    return refused;
  });
  CHECK(refused_calls == 5);
  pipeline->close();
  CHECK(pipeline->metrics().delivered == 1);
}
