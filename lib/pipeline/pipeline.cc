/// Pipeline: threads that take frames off the queue, work on them, and give them back.
#include "posekit/pipeline.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/fork_guard.h"
#include "base/process_end.h"
#include "execution/signals_blocked.h"
#include "execution/thread_error.h"
#include "pipeline/frame_queue.h"
#include "pipeline/stages.h"

namespace posekit::inline v0 {
namespace {

constexpr std::size_t most_calls = 64;
constexpr std::size_t most_frames = 65536;
constexpr std::chrono::hours longest_time{24 * 365};
constexpr std::size_t batch_on_gpu = 8;
constexpr std::size_t calls_on_gpu = 2;  // the next batch's crops are made while a forward runs
constexpr std::size_t least_queue = 4;

void expect(bool holds, const char* option, const std::string& given, const std::string& expected) {
  if (!holds) throw Error(ErrorCode::invalid_argument, fmt::format("pipeline option {} is {}, {} is expected", option, given, expected));
}

void expect_count(const char* option, std::size_t given, std::size_t least, std::size_t most) {
  expect(given >= least && given <= most, option, std::to_string(given), fmt::format("{} to {}", least, most));
}

void expect_time(const char* option, std::chrono::microseconds given, std::int64_t least) {
  expect(given.count() >= least && given <= longest_time, option, fmt::format("{} us", given.count()),
         least == 0 ? "0 to a year" : "more than 0, up to a year");
}

/// The options without zeros that stand for a default. @throws Error invalid_argument
PipelineOptions complete(PipelineOptions options, const Predictor& predictor) {
  const PoseEstimator& estimator = predictor.estimator();
  const PersonDetector* detector = predictor.detector();
  const bool detects = detector != nullptr;
  const bool on_cpu = estimator.model().on_cpu();
  if (options.tracker && options.tracker->keypoint_count() != estimator.keypoints().size()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the tracker was made for {} keypoints, the estimator gives {}: make it with the estimator's keypoints()",
                            options.tracker->keypoint_count(), estimator.keypoints().size()));
  }
  if (options.batch_frames == 0) options.batch_frames = on_cpu ? 1 : batch_on_gpu;
  if (options.detect_calls == 0) options.detect_calls = !detects || detector->model().on_cpu() ? 1 : calls_on_gpu;
  if (options.estimate_calls == 0) options.estimate_calls = on_cpu ? 1 : calls_on_gpu;
  expect_count("batch_frames", options.batch_frames, 1, most_frames);
  expect_count("detect_every", options.detect_every, 1, most_frames);
  expect_count("detect_calls", options.detect_calls, 1, most_calls);
  expect_count("estimate_calls", options.estimate_calls, 1, most_calls);
  expect_time("batch_wait", options.batch_wait, 0);
  if (options.frame_timeout) {
    expect_time("frame_timeout", *options.frame_timeout, 1);
    const auto waits = (detects ? 2 : 1) * options.batch_wait;
    if (waits >= *options.frame_timeout)
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("batch_wait lets a frame wait {} us{}, but frame_timeout is {} us: lower batch_wait or raise frame_timeout",
                              waits.count(), detects ? " for the detector and the estimator" : "", options.frame_timeout->count()));
  }
  if (options.queue_frames == 0) {
    const std::size_t busy = std::max(options.detect_calls, options.estimate_calls) * options.batch_frames;
    options.queue_frames =
        options.overflow == Overflow::latest ? std::min(busy, most_frames) : std::clamp(2 * busy, least_queue, most_frames);
  }
  expect_count("queue_frames", options.queue_frames, 1, most_frames);
  return options;
}

template <class Work>
std::exception_ptr exception_of(Work&& work) noexcept {
  try {
    work();
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

class Pipeline::Impl final : private EndsWithProcess {
 public:
  Impl(Predictor predictor, Sink sink, const PipelineOptions& options);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() override;

  bool submit(PipelineInput input, const RunControl& control);
  void run(const Source& source, const RunControl& control);
  void close(const RunControl& control);
  void cancel();
  [[nodiscard]] PipelineMetrics metrics() const;
  [[nodiscard]] bool forked() const noexcept { return fork_guard_.forked(); }

 private:
  /// What one stage does with a batch.
  using Work = std::function<void(std::span<FrameTask* const>)>;

  void end_soon(Time deadline) noexcept override { queue_.cancel_until(deadline); }
  void start_threads();
  void start(std::size_t count, const char* name, std::size_t stage, const FrameQueue::Fill& fill, const Work& work);
  void join();
  void feed(const Source& source, const RunControl& control);
  void check_not_in_sink(const char* call) const;

  ForkGuard fork_guard_;
  PipelineOptions options_;
  bool detects_;
  std::size_t estimate_stage_;  ///< Stages: the detector's if there is one, the estimator's, the tracker's if there is one, the sink's.
  FrameQueue queue_;
  Stages stages_;
  std::mutex threads_mutex_;
  std::vector<std::thread> threads_;
  static thread_local const Impl* delivering_;  ///< The pipeline whose sink's thread this is.
};

thread_local const Pipeline::Impl* Pipeline::Impl::delivering_ = nullptr;

Pipeline::Impl::Impl(Predictor predictor, Sink sink, const PipelineOptions& options)
    : options_(complete(options, predictor)),
      detects_(predictor.detector() != nullptr),
      estimate_stage_(detects_ ? 1 : 0),
      queue_(estimate_stage_ + (options_.tracker ? 3 : 2), options_.queue_frames, [this](FrameTask& task) { stages_.assign_boxes(task); }),
      stages_(std::move(predictor), std::move(sink), options_, queue_.stop()) {
  if (const std::exception_ptr error = exception_of([&] {
        start_threads();
        watch();
      })) {
    queue_.cancel();
    join();
    std::rethrow_exception(error);
  }
}

Pipeline::Impl::~Impl() {
  unwatch();
  queue_.cancel();
  queue_.wait_until_empty({});
  join();
}

void Pipeline::Impl::start_threads() {
  const SignalsBlocked blocked;
  const FrameQueue::Fill batches{options_.batch_frames, options_.batch_wait};
  threads_.reserve(options_.detect_calls + options_.estimate_calls + 2);
  if (detects_) start(options_.detect_calls, "posekit-detect", 0, batches, [this](auto batch) { stages_.detect(batch); });
  start(options_.estimate_calls, "posekit-pose", estimate_stage_, batches, [this](auto batch) { stages_.estimate(batch); });
  if (options_.tracker) start(1, "posekit-track", estimate_stage_ + 1, {}, [this](auto batch) { stages_.track(*batch.front()); });
  start(1, "posekit-sink", queue_.stages() - 1, {}, [this](auto batch) {
    delivering_ = this;
    stages_.deliver(*batch.front());
  });
}

void Pipeline::Impl::start(std::size_t count, const char* name, std::size_t stage, const FrameQueue::Fill& fill, const Work& work) {
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<FrameTask*> batch;
    batch.reserve(fill.most);
    auto life = [this, name, stage, fill, work, batch = std::move(batch)]() mutable {
      count_this_thread();
      pthread_setname_np(pthread_self(), name);
      while (queue_.take(stage, fill, batch)) {
        work(batch);
        queue_.give_back(stage, batch);
      }
    };
    try {
      threads_.emplace_back(std::move(life));
    } catch (const std::system_error& error) {
      throw thread_error(fmt::format("thread {} of a pipeline", threads_.size() + 1), error, "use fewer calls");
    }
  }
}

void Pipeline::Impl::join() {
  const std::lock_guard lock(threads_mutex_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Pipeline::Impl::check_not_in_sink(const char* call) const {
  if (delivering_ != this) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{} was called by the pipeline's own sink, which it may wait for: call it from another thread", call));
}

bool Pipeline::Impl::submit(PipelineInput input, const RunControl& control) {
  fork_guard_.check("Pipeline");
  check_not_in_sink("submit");
  if (!input.boxes && !detects_) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("frame {} has no boxes and the pipeline no detector: give each frame its boxes, or the pipeline a detector",
                            input.frame.index));
  }
  auto task = std::make_unique<FrameTask>();
  task->out.frame = std::move(input.frame);
  if (input.boxes) task->found = std::make_shared<const FrameBoxes>(FrameBoxes{{}, std::move(*input.boxes)});
  return queue_.put(std::move(task), options_.overflow, control);
}

void Pipeline::Impl::run(const Source& source, const RunControl& control) {
  fork_guard_.check("Pipeline");
  check_not_in_sink("run");
  std::exception_ptr error = exception_of([&] { feed(source, control); });
  if (const auto ended = exception_of([&] {
        control.check();
        queue_.close();
        queue_.wait_until_empty(control);
      })) {
    queue_.cancel();
    queue_.wait_until_empty({});
    if (!error) error = ended;
  }
  join();
  if (!error) error = stages_.sink_error();
  if (error) std::rethrow_exception(error);
  if (queue_.stop().stop_requested())
    throw Error(ErrorCode::cancelled, "the pipeline was cancelled: frames that were finished before are delivered");
}

void Pipeline::Impl::feed(const Source& source, const RunControl& control) {
  for (;;) {
    control.check();
    const auto start = std::chrono::steady_clock::now();
    std::optional<PipelineInput> input = source();
    if (!input) return;
    stages_.timers().source.add(std::chrono::steady_clock::now() - start);
    try {
      (void)submit(std::move(*input), control);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::closed && queue_.stop().stop_requested()) return;  // `run` reports it
      throw;
    }
  }
}

void Pipeline::Impl::close(const RunControl& control) {
  fork_guard_.check("Pipeline");
  check_not_in_sink("close");
  queue_.close();
  queue_.wait_until_empty(control);
  join();
  if (const std::exception_ptr error = stages_.sink_error()) std::rethrow_exception(error);
}

void Pipeline::Impl::cancel() {
  fork_guard_.check("Pipeline");
  queue_.cancel();
}

PipelineMetrics Pipeline::Impl::metrics() const {
  fork_guard_.check("Pipeline");
  const FrameQueue::Counts counts = queue_.counts();
  const StageTimers& timers = stages_.timers();
  return {.accepted = counts.accepted,
          .refused = counts.refused,
          .delivered = counts.delivered,
          .failed = counts.failed,
          .dropped = counts.dropped,
          .in_flight = counts.in_flight,
          .fps = timers.rate.per_second(),
          .source = timers.source.stats(),
          .detect = {.waiting = detects_ ? counts.waiting.front() : 0, .time = timers.detect.stats()},
          .estimate = {.waiting = counts.waiting[estimate_stage_],
                       .preprocess = timers.preprocess.stats(),
                       .inference = timers.inference.stats(),
                       .postprocess = timers.postprocess.stats()},
          .track = {.waiting = options_.tracker ? counts.waiting[estimate_stage_ + 1] : 0, .time = timers.track.stats()},
          .sink = {.waiting = counts.waiting.back(), .time = timers.sink.stats()},
          .age = timers.age.stats()};
}

Pipeline::Pipeline(Predictor predictor, Sink sink, PipelineOptions options) {
  if (!sink) throw Error(ErrorCode::invalid_argument, "the pipeline's sink is null: pass one");
  impl_ = std::make_unique<Impl>(std::move(predictor), std::move(sink), options);
}

Pipeline::~Pipeline() {
  // In a forked child the threads do not exist and the queue's mutex may be held for ever. At the end of the process this
  // may be the sink's thread.
  if (impl_->forked() || this_thread_exits()) keep_for_ever(std::move(impl_));
}

bool Pipeline::submit(PipelineInput input, const RunControl& control) { return impl_->submit(std::move(input), control); }
void Pipeline::run(const Source& source, const RunControl& control) { impl_->run(source, control); }
void Pipeline::close(const RunControl& control) { impl_->close(control); }
void Pipeline::cancel() { impl_->cancel(); }
PipelineMetrics Pipeline::metrics() const { return impl_->metrics(); }

}  // namespace posekit::inline v0
