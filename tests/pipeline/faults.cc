/// The fault matrix: streams with random options in which anything may fail at any place. Nothing is lost, doubled or out of order, every
/// frame's fate is known, and nothing hangs. The long version, by hand: ctest -L soak.
#include <atomic>
#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>

#include "faults/rounds.h"
#include "pipeline/scripted.h"
#include "posekit/error.h"
#include "posekit/pipeline.h"

using namespace posekit;
using namespace std::chrono_literals;
using posekit_test::box_in;
using posekit_test::is_pose_of;
using posekit_test::numbered_frame;

namespace {

constexpr auto hang_limit = 20s;

/// Ends the program, with the round's seed, if a round takes longer than the hang limit.
class Watchdog {
 public:
  explicit Watchdog(unsigned seed)
      : thread_([this, seed](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          if (done_.wait_for(lock, stop, hang_limit, [] { return false; }) || stop.stop_requested()) return;
          std::fprintf(stderr, "round with seed %u hangs\n", seed);
          std::abort();
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any done_;
  std::jthread thread_;
};

/// Fails every n-th call; safe to share.
class FailingExecutor final : public Executor {
 public:
  std::size_t slots() const noexcept override { return 1; }
  void parallel_for(std::size_t n, TaskRef task) override {
    if (++calls_ % 13 == 0) throw std::runtime_error("the executor fails on purpose");
    for (std::size_t i = 0; i < n; ++i) task(i, 0);
  }

 private:
  std::atomic<std::size_t> calls_ = 0;
};

enum class Ending { run, run_and_cancel, source_throws, sink_cancels, destroy };
enum class Place { source, detector, model, sink };

/// What happens in one round; all of it follows from the seed.
struct Plan {
  explicit Plan(unsigned seed) : random(seed) {
    frames = below(60);
    ending = static_cast<Ending>(below(5));
    place = static_cast<Place>(below(4));
    at = below(60);
    with_detector = below(4) != 0;
    with_tracker = below(3) == 0;
    executor_fails = below(4) == 0;
    options.overflow = below(2) == 0 ? Overflow::block : static_cast<Overflow>(below(3));
    options.queue_frames = below(6);
    options.batch_frames = below(5);
    options.batch_wait = std::chrono::microseconds(below(3) * 200);
    options.detect_every = 1 + below(2) * below(5);
    options.detect_calls = 1 + below(3);
    options.estimate_calls = below(4);
    if (below(5) == 0) options.frame_timeout = 2 * options.batch_wait + std::chrono::microseconds(1 + below(3000));
    for (std::size_t i = 0; i < frames; ++i) {
      for (std::set<std::size_t>* failing : {&detector_fails, &model_fails, &sink_fails}) {
        if (below(16) == 0) failing->insert(i);
      }
    }
  }

  std::size_t below(std::size_t n) { return random() % n; }

  /// Whether a frame's fate follows from the plan alone.
  bool certain() const {
    return !executor_fails && !options.frame_timeout && options.overflow == Overflow::block && ending != Ending::run_and_cancel &&
           ending != Ending::sink_cancels && ending != Ending::destroy;
  }

  /// The frame whose detection counts for a frame, if one does: a failed one only for itself, or where there is none before it.
  std::optional<std::size_t> key_of(std::size_t frame) const {
    const std::size_t own = frame - frame % options.detect_every;
    if (own == frame || !detector_fails.contains(own)) return own;
    for (std::size_t key = own; key > 0; key -= options.detect_every) {
      if (!detector_fails.contains(key - options.detect_every)) return key - options.detect_every;
    }
    return std::nullopt;
  }

  std::mt19937 random;
  std::size_t frames, at;
  Ending ending;
  Place place;
  bool with_detector, with_tracker, executor_fails;
  PipelineOptions options;
  std::set<std::size_t> detector_fails, model_fails, sink_fails;
};

/// One stream by the plan.
class Round {
 public:
  explicit Round(unsigned seed) : plan_(seed) {
    EstimatorOptions estimator;
    estimator.max_batch = 1;  // so that a failing model fails one frame
    if (plan_.executor_fails)
      estimator.executor = std::make_shared<FailingExecutor>();
    else
      estimator.executor = std::make_shared<ThreadPool>(1 + plan_.below(3));
    const auto model = posekit_test::scripted_estimator([this](std::size_t number) { this->model(number); }, estimator);
    if (plan_.with_tracker) plan_.options.tracker = std::make_shared<Tracker>(model->keypoints());
    pipeline_.emplace(
        Predictor(model, plan_.with_detector ? posekit_test::scripted_detector([this](std::size_t number) { detector(number); }) : nullptr),
        [this](PipelineResult out) { sink(std::move(out)); }, plan_.options);
  }

  void play() {
    if (plan_.ending == Ending::destroy) {
      for (std::size_t i = 0; i < plan_.frames; ++i) accepted_ += pipeline_->submit(input(i)) ? 1 : 0;
      const std::size_t dropped_before = pipeline_->metrics().dropped;
      pipeline_.reset();
      CHECK(seen_.size() + dropped_before == accepted_);  // nobody submits any more, so no more are dropped
    } else {
      end_by_run();
    }
    check_seen();
  }

 private:
  PipelineInput input(std::size_t number) const {
    if (plan_.with_detector) return {numbered_frame(number), std::nullopt};
    return {numbered_frame(number), std::vector{box_in(number)}};
  }

  void reach(Place place, std::size_t number) {
    if (plan_.ending == Ending::run_and_cancel && plan_.place == place && plan_.at == number) pipeline_->cancel();
  }
  void detector(std::size_t number) {
    reach(Place::detector, number);
    if (plan_.detector_fails.contains(number)) throw std::runtime_error("the detector fails on purpose");
  }
  void model(std::size_t number) {
    reach(Place::model, number);
    if (plan_.model_fails.contains(number)) throw std::runtime_error("the model fails on purpose");
  }
  void sink(PipelineResult out) {
    const std::size_t number = out.frame.index;
    seen_.push_back(std::move(out));
    reach(Place::sink, number);
    if (plan_.ending == Ending::sink_cancels && number == plan_.at) pipeline_->cancel();
    if (!plan_.sink_fails.contains(number)) return;
    ++sink_threw_;
    throw std::runtime_error("the sink fails on purpose");
  }

  void end_by_run() {
    std::size_t next = 0;
    const auto source = [&]() -> std::optional<PipelineInput> {
      if (plan_.ending == Ending::source_throws && next == plan_.at) throw std::out_of_range("the source fails on purpose");
      reach(Place::source, next);
      if (next == plan_.frames) return std::nullopt;
      return input(next++);
    };
    try {
      pipeline_->run(source);
      CHECK(sink_threw_ == 0);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::cancelled);
    } catch (const std::out_of_range&) {
      CHECK(plan_.ending == Ending::source_throws);
      CHECK(next == plan_.at);
    } catch (const std::runtime_error&) {
      CHECK(sink_threw_ > 0);
    }
    check_metrics(next);
  }

  void check_metrics(std::size_t offered) {
    const PipelineMetrics metrics = pipeline_->metrics();
    std::size_t ok = 0;
    for (const PipelineResult& out : seen_) ok += out.result.code == ErrorCode::ok && !plan_.sink_fails.contains(out.frame.index) ? 1 : 0;
    CHECK(metrics.accepted == metrics.delivered + metrics.failed + metrics.dropped);
    CHECK(metrics.in_flight == 0);
    CHECK(metrics.delivered == ok);
    CHECK(metrics.delivered + metrics.failed == seen_.size());
    // A frame that the source gave just when the pipeline was cancelled is neither accepted nor refused: submit said "closed".
    const std::size_t answered = metrics.accepted + metrics.refused;
    CHECK((answered == offered || (answered + 1 == offered && !plan_.certain())));
    if (plan_.options.overflow != Overflow::latest) CHECK(metrics.dropped == 0);
    if (plan_.options.overflow != Overflow::refuse) CHECK(metrics.refused == 0);
    if (plan_.certain()) CHECK(seen_.size() == offered);
  }

  void check_seen() const {
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const PipelineResult& out = seen_[i];
      const std::size_t number = out.frame.index;
      if (i > 0) CHECK(seen_[i - 1].frame.index < number);
      const bool ok = out.result.code == ErrorCode::ok;
      if (ok && !plan_.with_tracker) CHECK((out.boxes.size() == 1 && is_pose_of(out, out.boxes[0])));
      CHECK(out.result.message.empty() == ok);
      if (ok && !out.boxes.empty()) CHECK_FALSE(plan_.model_fails.contains(number));  // a tracker forgets where frames are dropped
      if (!plan_.certain()) continue;
      const std::optional<std::size_t> key = plan_.with_detector ? plan_.key_of(number) : std::optional(number);
      const bool detection_fails = plan_.with_detector && (!key || plan_.detector_fails.contains(*key));
      CHECK(ok == !(detection_fails || plan_.model_fails.contains(number)));
      if (ok && !plan_.with_tracker) CHECK(is_pose_of(out, box_in(*key)));  // a tracker smooths,
      if (ok && plan_.with_tracker) CHECK(out.boxes.size() == 1);           // but forgets nobody
    }
  }

  Plan plan_;
  std::vector<PipelineResult> seen_;
  std::size_t accepted_ = 0;
  std::size_t sink_threw_ = 0;
  std::optional<Pipeline> pipeline_;
};

}  // namespace

TEST_CASE("No failure anywhere loses, doubles or reorders a frame") {
  const int rounds = posekit_test::rounds(50, 10000);
  const unsigned first = Catch::getSeed();
  for (int i = 0; i < rounds; ++i) {
    const unsigned seed = first + static_cast<unsigned>(i);
    INFO("seed of the round: " << seed << " (run with --rng-seed " << seed << ")");
    const Watchdog watchdog(seed);
    Round(seed).play();
  }
  std::cout << rounds << " rounds, seeds " << first << " to " << first + static_cast<unsigned>(rounds) - 1 << "\n";
}
