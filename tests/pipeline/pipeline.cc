/// Pipeline around scripted models: order, boxes, overflow, metrics, options.
#include "posekit/pipeline.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <latch>
#include <set>
#include <thread>

#include "pipeline/scripted.h"
#include "posekit/error.h"
#include "support/fails_with.h"

using namespace posekit;
using namespace std::chrono_literals;
using posekit_test::box_in;
using posekit_test::code_of;
using posekit_test::fails_with;
using posekit_test::is_pose_of;
using posekit_test::numbered_frame;
using posekit_test::scripted_detector;
using posekit_test::scripted_estimator;
using posekit_test::with_box;

namespace {

/// A source of frames 0 to count − 1.
Pipeline::Source numbered(std::size_t count) {
  return [count, next = std::size_t{0}]() mutable -> std::optional<PipelineInput> {
    if (next == count) return std::nullopt;
    return PipelineInput{numbered_frame(next++), std::nullopt};
  };
}

/// A hook that waits at frame 0 until the gate opens, and reports when it is there.
struct Gate {
  std::latch reached{1};
  std::latch opened{1};
  posekit_test::Hook hook() {
    return [this](std::size_t number) {
      if (number != 0) return;
      reached.count_down();
      opened.wait();
    };
  }
};

}  // namespace

TEST_CASE("Pipeline delivers every frame in order with its own pose, for any number of calls and batches") {
  const std::size_t calls = GENERATE(1U, 3U);
  const std::size_t batch = GENERATE(1U, 4U);
  const auto wait = GENERATE(0us, 500us);
  const std::size_t queue = GENERATE(0U, 1U);
  EstimatorOptions estimator;
  estimator.max_batch = 3;
  estimator.executor = std::make_shared<ThreadPool>(3);
  std::vector<PipelineResult> results;
  Pipeline pipeline({scripted_estimator({}, estimator), scripted_detector()},
                    [&](PipelineResult out) { results.push_back(std::move(out)); },
                    {.queue_frames = queue, .batch_frames = batch, .batch_wait = wait, .detect_calls = calls, .estimate_calls = calls});
  pipeline.run(numbered(150));
  REQUIRE(results.size() == 150);
  for (std::size_t i = 0; i < results.size(); ++i) {
    REQUIRE(results[i].frame.index == i);
    REQUIRE(results[i].detected);
    REQUIRE(is_pose_of(results[i], box_in(i)));
  }
}

TEST_CASE("Frames with boxes of their own do not reach a detector") {
  const bool with_detector = GENERATE(false, true);
  const auto detector = scripted_detector([](std::size_t) { throw std::runtime_error("it looked"); });
  std::vector<PipelineResult> results;
  Pipeline pipeline({scripted_estimator(), with_detector ? detector : nullptr},
                    [&](PipelineResult out) { results.push_back(std::move(out)); });
  for (std::size_t i = 0; i < 20; ++i) CHECK(pipeline.submit(with_box(i)));
  CHECK(pipeline.submit({numbered_frame(20), std::vector<Box>{}}));
  pipeline.close();
  REQUIRE(results.size() == 21);
  for (std::size_t i = 0; i < 20; ++i) {
    CHECK(is_pose_of(results[i], box_in(i)));
    CHECK_FALSE(results[i].detected);
  }
  CHECK(results[20].result.code == ErrorCode::ok);
  CHECK(results[20].result.poses.empty());
}

TEST_CASE("detect_every gives the frames between the boxes of the last frame with a detection") {
  const std::size_t every = GENERATE(2U, 5U);
  const std::size_t calls = GENERATE(1U, 3U);
  std::vector<PipelineResult> results;
  Pipeline pipeline({scripted_estimator(), scripted_detector()}, [&](PipelineResult out) { results.push_back(std::move(out)); },
                    {.batch_frames = 3, .detect_every = every, .detect_calls = calls, .estimate_calls = calls});
  pipeline.run(numbered(61));
  REQUIRE(results.size() == 61);
  for (std::size_t i = 0; i < results.size(); ++i) {
    CHECK(results[i].detected == (i % every == 0));
    CHECK(is_pose_of(results[i], box_in(i - i % every)));
  }
  CHECK(pipeline.metrics().detect.time.count == (61 + every - 1) / every);
}

TEST_CASE("A failed detection fails its frame, and the frames between keep the boxes before it") {
  const auto detector = scripted_detector([](std::size_t number) {
    if (number == 0 || number == 8) throw Error(ErrorCode::invalid_model, "the detector fails on purpose");
  });
  std::vector<PipelineResult> results;
  Pipeline pipeline({scripted_estimator(), detector}, [&](PipelineResult out) { results.push_back(std::move(out)); }, {.detect_every = 4});
  pipeline.run(numbered(16));
  REQUIRE(results.size() == 16);
  for (const std::size_t i : {0U, 1U, 2U, 3U, 8U}) {
    CHECK(results[i].result.code == ErrorCode::invalid_model);
    CHECK(results[i].result.message == "the detector fails on purpose");
  }
  for (const std::size_t i : {4U, 5U, 6U, 7U, 9U, 10U, 11U}) CHECK(is_pose_of(results[i], box_in(4)));
  for (const std::size_t i : {12U, 13U, 15U}) CHECK(is_pose_of(results[i], box_in(12)));
  const PipelineMetrics metrics = pipeline.metrics();
  CHECK(metrics.delivered == 11);
  CHECK(metrics.failed == 5);
}

TEST_CASE("A call waits at most batch_wait for its batch to fill") {
  EstimatorOptions options;
  options.max_batch = 4;
  const auto backend = posekit_test::scripted_pose_backend();
  const auto estimator = std::make_shared<const PoseEstimator>(PoseEstimator(Model(backend), options));
  std::latch eight(8);
  Pipeline pipeline({estimator, nullptr},
                    [&](const PipelineResult& out) {
                      if (out.frame.index < 8) eight.count_down();
                    },
                    {.batch_frames = 4, .batch_wait = 100h});
  for (std::size_t i = 0; i < 8; ++i) CHECK(pipeline.submit(with_box(i)));
  eight.wait();
  CHECK(pipeline.submit(with_box(8)));
  pipeline.close();  // does not wait for a batch to fill
  CHECK(backend->batches() == std::vector<std::size_t>{4, 4, 1});

  std::latch one(1);
  Pipeline hasty({estimator, nullptr}, [&](const PipelineResult&) { one.count_down(); }, {.batch_frames = 4, .batch_wait = 1ms});
  CHECK(hasty.submit(with_box(0)));
  one.wait();
}

TEST_CASE("Overflow::refuse refuses a frame when the queue is full") {
  Gate gate;
  std::vector<std::size_t> delivered;
  Pipeline pipeline({scripted_estimator(gate.hook()), nullptr}, [&](const PipelineResult& out) { delivered.push_back(out.frame.index); },
                    {.overflow = Overflow::refuse, .queue_frames = 2});
  CHECK(pipeline.submit(with_box(0)));
  gate.reached.wait();
  CHECK(pipeline.submit(with_box(1)));
  CHECK(pipeline.submit(with_box(2)));
  CHECK_FALSE(pipeline.submit(with_box(3)));
  CHECK_FALSE(pipeline.submit(with_box(4)));
  CHECK(pipeline.metrics().estimate.waiting == 2);
  gate.opened.count_down();
  pipeline.close();
  CHECK(delivered == std::vector<std::size_t>{0, 1, 2});
  const PipelineMetrics metrics = pipeline.metrics();
  CHECK(metrics.accepted == 3);
  CHECK(metrics.refused == 2);
}

TEST_CASE("Overflow::latest drops the oldest waiting frame for a new one, and counts it") {
  Gate gate;
  std::vector<std::size_t> delivered;
  Pipeline pipeline({scripted_estimator(gate.hook()), nullptr}, [&](const PipelineResult& out) { delivered.push_back(out.frame.index); },
                    {.overflow = Overflow::latest, .queue_frames = 2});
  CHECK(pipeline.submit(with_box(0)));
  gate.reached.wait();
  for (std::size_t i = 1; i < 10; ++i) CHECK(pipeline.submit(with_box(i)));
  CHECK(pipeline.metrics().dropped == 7);
  CHECK(pipeline.metrics().in_flight == 3);
  gate.opened.count_down();
  pipeline.close();
  CHECK(delivered == std::vector<std::size_t>{0, 8, 9});
  const PipelineMetrics metrics = pipeline.metrics();
  CHECK(metrics.accepted == 10);
  CHECK(metrics.delivered == 3);
  CHECK(metrics.dropped == 7);
  CHECK(metrics.in_flight == 0);
}

TEST_CASE("Overflow::block waits for room; deadline, stop and close end the wait") {
  Gate gate;
  Pipeline pipeline({scripted_estimator(gate.hook()), nullptr}, [](const PipelineResult&) {}, {.queue_frames = 1});
  CHECK(pipeline.submit(with_box(0)));
  gate.reached.wait();
  CHECK(pipeline.submit(with_box(1)));
  const RunControl soon{.stop = {}, .deadline = std::chrono::steady_clock::now() + 1ms};
  CHECK(code_of([&] { pipeline.submit(with_box(2), soon); }) == ErrorCode::deadline_exceeded);
  std::stop_source stop;
  stop.request_stop();
  CHECK(code_of([&] { pipeline.submit(with_box(2), {.stop = stop.get_token(), .deadline = {}}); }) == ErrorCode::cancelled);
  CHECK(code_of([&] { pipeline.close(soon); }) == ErrorCode::deadline_exceeded);  // closed, but not yet drained
  CHECK(code_of([&] { pipeline.submit(with_box(2)); }) == ErrorCode::closed);
  gate.opened.count_down();
  pipeline.close();
  CHECK(pipeline.metrics().delivered == 2);

  Gate second;
  Pipeline closing({scripted_estimator(second.hook()), nullptr}, [](const PipelineResult&) {}, {.queue_frames = 1});
  CHECK(closing.submit(with_box(0)));
  second.reached.wait();
  CHECK(closing.submit(with_box(1)));
  const bool by_cancel = GENERATE(true, false);
  ErrorCode code = ErrorCode::ok;
  std::jthread waiting([&] { code = code_of([&] { closing.submit(with_box(2)); }); });
  std::this_thread::sleep_for(50ms);  // time for it to begin to wait, else this shows nothing; it holds in any case
  if (by_cancel)
    closing.cancel();
  else
    CHECK(code_of([&] { closing.close(soon); }) == ErrorCode::deadline_exceeded);
  waiting.join();
  CHECK(code == ErrorCode::closed);
  second.opened.count_down();
}

TEST_CASE("At most as many frames are alive as the queues and the calls hold") {
  std::atomic<int> alive = 0;
  int most = 0;
  const auto estimator = scripted_estimator();
  Pipeline pipeline({estimator, scripted_detector()}, [&](const PipelineResult&) { most = std::max(most, alive.load()); },
                    {.queue_frames = 3, .batch_frames = 2, .detect_calls = 2, .estimate_calls = 2});
  pipeline.run([&, next = std::size_t{0}]() mutable -> std::optional<PipelineInput> {
    if (next == 500) return std::nullopt;
    Frame frame = numbered_frame(next++);
    ++alive;
    frame.owner = {frame.owner.get(), [&alive, pixels = frame.owner](const void*) { --alive; }};
    return PipelineInput{std::move(frame), std::nullopt};
  });
  CHECK(most <= 3 * 3 + 2);  // before and between three stages, one at the sink, one in the source's hand
  CHECK(most > 1);
  CHECK(alive == 0);
}

TEST_CASE("Frames submitted by several threads at once arrive once each, in each thread's order") {
  std::vector<std::vector<std::size_t>> seen(4);
  Pipeline pipeline({scripted_estimator(), nullptr},
                    [&](const PipelineResult& out) { seen[out.frame.index / 1000].push_back(out.frame.index); });
  {
    std::vector<std::jthread> submitters;
    for (std::size_t t = 0; t < 4; ++t) {
      submitters.emplace_back([&, t] {
        for (std::size_t i = 0; i < 100; ++i) (void)pipeline.submit(with_box(1000 * t + i));
      });
    }
  }
  pipeline.close();
  for (std::size_t t = 0; t < 4; ++t) {
    REQUIRE(seen[t].size() == 100);
    for (std::size_t i = 0; i < 100; ++i) CHECK(seen[t][i] == 1000 * t + i);
  }
}

TEST_CASE("Two pipelines that share a model and an executor each give what they give alone") {
  EstimatorOptions options;
  options.executor = std::make_shared<ThreadPool>(3);
  const auto estimator = scripted_estimator({}, options);
  const auto detector = scripted_detector();
  std::vector<std::vector<PipelineResult>> results(2);
  {
    std::vector<std::jthread> streams;
    for (auto& mine : results) {
      streams.emplace_back([&] {
        Pipeline pipeline({estimator, detector}, [&](PipelineResult out) { mine.push_back(std::move(out)); }, {.detect_every = 3});
        pipeline.run(numbered(100));
      });
    }
  }
  for (const auto& mine : results) {
    REQUIRE(mine.size() == 100);
    for (std::size_t i = 0; i < 100; ++i) CHECK(is_pose_of(mine[i], box_in(i - i % 3)));
  }
}

TEST_CASE("metrics count and time the frames, during the run and after it") {
  std::set<std::size_t> in_flight;
  std::optional<Pipeline> pipeline;
  pipeline.emplace(Predictor(scripted_estimator(), scripted_detector()), [&](const PipelineResult&) {
    const PipelineMetrics now = pipeline->metrics();
    CHECK(now.accepted == now.delivered + now.failed + now.dropped + now.in_flight);
    in_flight.insert(now.in_flight);
  });
  pipeline->run(numbered(100));
  CHECK_FALSE(in_flight.contains(0));  // the frame at the sink is in flight
  const PipelineMetrics metrics = pipeline->metrics();
  CHECK(metrics.accepted == 100);
  CHECK(metrics.delivered == 100);
  CHECK(metrics.detect.waiting + metrics.estimate.waiting + metrics.sink.waiting == 0);
  CHECK(metrics.fps > 0);
  for (const TimeStats& stats : {metrics.source, metrics.detect.time, metrics.estimate.preprocess, metrics.estimate.inference,
                                 metrics.estimate.postprocess, metrics.sink.time, metrics.age}) {
    CHECK(stats.count == 100);
    CHECK(stats.p50.count() > 0);
    CHECK(stats.p50 <= stats.p99);
    CHECK(stats.mean.count() > 0);
  }
  CHECK(metrics.age.p50 > metrics.estimate.inference.p50);
}

TEST_CASE("Pipeline refuses invalid options and arguments by name") {
  const auto make = [](PipelineOptions options) {
    return code_of([&] {
      const Pipeline pipeline(
          {scripted_estimator(), nullptr}, [](const PipelineResult&) {}, options);
    });
  };
  const auto refuses = [&](PipelineOptions options, const char* named) {
    CHECK(make(options) == ErrorCode::invalid_argument);
    fails_with(
        [&] {
          const Pipeline pipeline(
              {scripted_estimator(), nullptr}, [](const PipelineResult&) {}, options);
        },
        "", named);
  };
  CHECK(make({}) == ErrorCode::ok);
  refuses({.queue_frames = 65537}, "queue_frames is 65537");
  refuses({.batch_frames = 65537}, "batch_frames is 65537");
  refuses({.batch_wait = -1us}, "batch_wait is -1 us");
  refuses({.batch_wait = std::chrono::microseconds::max()}, "batch_wait is 9223372036854775807 us");
  refuses({.detect_every = 0}, "detect_every is 0");
  refuses({.detect_calls = 65}, "detect_calls is 65");
  refuses({.estimate_calls = 65}, "estimate_calls is 65");
  refuses({.frame_timeout = 0us}, "frame_timeout is 0 us");
  refuses({.batch_wait = 50ms, .frame_timeout = 50ms}, "frame_timeout is 50000 us");
  CHECK(make({.batch_wait = 50ms, .frame_timeout = 51ms}) == ErrorCode::ok);
  CHECK(make({.overflow = Overflow::latest, .batch_frames = 65536, .estimate_calls = 2}) == ErrorCode::ok);
  for (const auto& [timeout, code] : {std::pair{100ms, ErrorCode::invalid_argument}, {101ms, ErrorCode::ok}}) {
    const PipelineOptions options{.batch_wait = 50ms, .frame_timeout = timeout};  // two stages may wait
    CHECK(code_of([&] {
            const Pipeline pipeline(
                {scripted_estimator(), scripted_detector()}, [](const PipelineResult&) {}, options);
          }) == code);
  }
  CHECK(code_of([] { const Pipeline pipeline({nullptr, nullptr}, [](const PipelineResult&) {}); }) == ErrorCode::invalid_argument);
  CHECK(code_of([] { const Pipeline pipeline({scripted_estimator(), nullptr}, {}); }) == ErrorCode::invalid_argument);
  Pipeline pipeline({scripted_estimator(), nullptr}, [](const PipelineResult&) {});
  CHECK(code_of([&] { pipeline.submit({numbered_frame(0), std::nullopt}); }) == ErrorCode::invalid_argument);
}

TEST_CASE("A tracker gives people ids and the frames between their boxes, the same on every run") {
  const std::size_t every = GENERATE(1U, 4U);
  const auto estimator = scripted_estimator();
  const auto detector = scripted_detector();
  constexpr std::size_t frames = 80;

  // The plain loop.
  std::vector<std::vector<Pose>> expected;
  Tracker tracker(estimator->keypoints());
  for (std::size_t i = 0; i < frames; ++i) {
    const Frame frame = numbered_frame(i);
    auto result = estimator->estimate(frame.image, i % every == 0 ? detector->detect(frame.image) : tracker.predict(frame.time_s));
    tracker.update(frame.time_s, result.poses);
    expected.push_back(std::move(result.poses));
  }
  REQUIRE(expected.back().at(0).track_id == 1);

  for (const std::size_t calls : {1U, 3U}) {
    for (const std::size_t batch : {1U, 5U}) {
      std::vector<PipelineResult> results;
      Pipeline pipeline({estimator, detector}, [&](PipelineResult out) { results.push_back(std::move(out)); },
                        {.batch_frames = batch,
                         .batch_wait = 1ms,
                         .detect_every = every,
                         .detect_calls = calls,
                         .estimate_calls = calls,
                         .tracker = std::make_shared<Tracker>(estimator->keypoints())});
      pipeline.run(numbered(frames));
      REQUIRE(results.size() == frames);
      for (std::size_t i = 0; i < frames; ++i) {
        REQUIRE(results[i].result.code == ErrorCode::ok);
        REQUIRE(results[i].result.poses == expected[i]);
      }
      CHECK(pipeline.metrics().track.time.count == frames);
    }
  }
}

TEST_CASE("Frames after a failed one have the detector's boxes until the tracker has seen them") {
  const std::size_t failing = GENERATE(0U, 4U);
  const auto estimator = scripted_estimator([failing](std::size_t number) {
    if (number == failing || number == failing + 1) throw std::runtime_error("on purpose");
  });
  std::vector<PipelineResult> results;
  Pipeline pipeline({estimator, scripted_detector()}, [&](PipelineResult out) { results.push_back(std::move(out)); },
                    {.detect_every = 4, .tracker = std::make_shared<Tracker>(estimator->keypoints())});
  // Before frame 4 there is nobody at all, if that is the one that fails.
  for (std::size_t i = 0; i < 12; ++i) {
    const bool nobody = i < failing && i % 4 == 0;
    CHECK(pipeline.submit({numbered_frame(i), nobody ? std::optional(std::vector<Box>{}) : std::nullopt}));
  }
  pipeline.close();
  REQUIRE(results.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) {
    const bool fails = i == failing || i == failing + 1;
    CHECK(results[i].result.code == (fails ? ErrorCode::internal : ErrorCode::ok));
    CHECK(results[i].boxes.size() == (i < failing ? 0 : 1));
    if (i > failing + 1) CHECK(results[i].result.poses.size() == 1);
  }
  CHECK(is_pose_of(results[failing + 2], box_in(failing)));
}

TEST_CASE("A frame that is not later than the last fails in the tracker and keeps its poses") {
  const auto estimator = scripted_estimator();
  std::vector<PipelineResult> results;
  Pipeline pipeline({estimator, nullptr}, [&](PipelineResult out) { results.push_back(std::move(out)); },
                    {.tracker = std::make_shared<Tracker>(estimator->keypoints())});
  for (const std::size_t i : {0U, 5U, 2U, 6U}) CHECK(pipeline.submit(with_box(i)));
  pipeline.close();
  REQUIRE(results.size() == 4);
  CHECK(results[2].result.code == ErrorCode::invalid_argument);
  CHECK(results[2].result.poses.size() == 1);
  for (const std::size_t i : {0U, 1U, 3U}) CHECK(results[i].result.poses.at(0).track_id == 1);
}
