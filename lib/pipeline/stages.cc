/// What a pipeline's stages do with the frames they take.
#include "pipeline/stages.h"

#include <fmt/format.h>

#include <utility>

namespace posekit::inline v0 {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t through_tracker = 3;  // stages that a frame has passed then: the detector's, the estimator's, the tracker's

/// How work ended, whatever it threw; without a message where memory for one runs out.
template <class Work>
Outcome outcome_without_throw(Work&& work) noexcept {
  try {
    return outcome_of([&] {
      try {
        work();
      } catch (const std::exception&) {
        throw;
      } catch (...) {
        throw Error(ErrorCode::internal, "an exception that is not derived from std::exception was thrown: derive it from std::exception");
      }
    });
  } catch (...) {
    return {ErrorCode::out_of_memory, {}};
  }
}

/// Gives every frame the same error, as far as memory for the messages goes.
void fail_all(std::span<FrameTask* const> batch, const Outcome& outcome) noexcept {
  for (FrameTask* task : batch) set_error(task->out.result, outcome_without_throw([&] { throw Error(outcome.code, outcome.message); }));
}

bool alive(const FrameTask& task) noexcept { return task.out.result.code == ErrorCode::ok; }

}  // namespace

Stages::Stages(Predictor predictor, Pipeline::Sink sink, const PipelineOptions& options, std::stop_token stop)
    : predictor_(std::move(predictor)),
      sink_(std::move(sink)),
      tracker_(options.tracker),
      detect_every_(options.detect_every),
      frame_timeout_(options.frame_timeout),
      stop_(std::move(stop)) {}

/// @throws Error cancelled, deadline_exceeded
void Stages::check_time(const FrameTask& task) const {
  if (stop_.stop_requested())
    throw Error(ErrorCode::cancelled, fmt::format("the pipeline was cancelled before frame {} was finished", task.out.frame.index));
  if (frame_timeout_ && Clock::now() >= task.out.accepted_at + *frame_timeout_) {
    throw Error(ErrorCode::deadline_exceeded,
                fmt::format("frame {} was not finished within its {} ms: allow more time, or let fewer frames wait", task.out.frame.index,
                            Milliseconds(*frame_timeout_).count()));
  }
}

/// One call's control. Its deadline is the last frame's: nobody loses time of its own to a neighbour's deadline.
RunControl Stages::control_for(std::span<FrameTask* const> batch) const noexcept {
  RunControl control{.stop = stop_, .deadline = std::nullopt};
  if (frame_timeout_) control.deadline = batch.back()->out.accepted_at + *frame_timeout_;
  return control;
}

void Stages::detect(std::span<FrameTask* const> batch) noexcept {
  const Outcome outcome = outcome_without_throw([&] { detect_alive(batch); });
  if (outcome.ok()) return;
  for (FrameTask* task : batch) {
    if (!to_detect(*task)) continue;
    fail_all({&task, 1}, outcome);
    (void)outcome_without_throw([&] {
      task->found = std::make_shared<const FrameBoxes>(FrameBoxes{outcome, {}});
    });  // null only if memory is out
  }
}

void Stages::detect_alive(std::span<FrameTask* const> batch) {
  std::vector<FrameTask*> tasks;
  std::vector<Predictor::Target> predictions;
  for (FrameTask* task : batch) {
    if (!to_detect(*task)) continue;
    const Outcome outcome = outcome_of([&] { check_time(*task); });
    if (outcome.ok()) {
      tasks.push_back(task);
      predictions.push_back({task->out.frame.image, &task->out});
      continue;
    }
    task->found = std::make_shared<const FrameBoxes>(FrameBoxes{outcome, {}});
    set_error(task->out.result, outcome);
  }
  if (tasks.empty()) return;

  predictor_.detect(predictions, control_for(tasks));
  for (FrameTask* task : tasks) {
    const ImageResult& result = task->out.result;
    if (result.code == ErrorCode::ok) timers_.detect.add(result.timings.detect);
    task->found = std::make_shared<const FrameBoxes>(FrameBoxes{{result.code, result.message}, std::move(task->out.boxes)});
  }
}

void Stages::assign_boxes(FrameTask& task) noexcept {
  if (task.found) {
    if (task.found->outcome.ok() || !held_ || !held_->outcome.ok()) held_ = task.found;
    return;
  }
  task.found = held_;
  if (tracker_ && held_ && held_->outcome.ok()) task.after_previous = through_tracker;
}

void Stages::estimate(std::span<FrameTask* const> batch) noexcept {
  const Outcome outcome = outcome_without_throw([&] { estimate_alive(batch); });
  if (!outcome.ok()) fail_all(batch, outcome);
}

void Stages::estimate_alive(std::span<FrameTask* const> batch) {
  std::vector<FrameTask*> tasks;
  std::vector<Predictor::Target> predictions;
  for (FrameTask* task : batch) {
    if (!alive(*task)) continue;
    const Outcome outcome = outcome_of([&] {
      check_time(*task);
      if (!task->found) throw std::bad_alloc();  // there was no memory for them
      if (!task->found->outcome.ok()) throw Error(task->found->outcome.code, task->found->outcome.message);
      // Nobody else uses the tracker or tracked_ now: all frames before are through, and none behind comes until this one is estimated.
      const bool predicted = task->after_previous > 0 && task->found == tracked_;
      task->out.boxes = predicted ? tracker_->predict(task->out.frame.time_s) : task->found->boxes;
    });
    if (!outcome.ok()) {
      set_error(task->out.result, outcome);
      continue;
    }
    tasks.push_back(task);
    predictions.push_back({task->out.frame.image, &task->out});
  }
  if (tasks.empty()) return;

  predictor_.estimate(predictions, control_for(tasks));
  for (const FrameTask* task : tasks) {
    if (!task->out.result.poses.empty()) measure(task->out.result.timings);
  }
}

void Stages::measure(const Timings& timings) noexcept {
  timers_.preprocess.add(timings.preprocess);
  timers_.inference.add(timings.inference);
  timers_.postprocess.add(timings.postprocess);
}

void Stages::track(FrameTask& task) noexcept {
  if (!alive(task)) return;
  const auto start = Clock::now();
  Outcome outcome = outcome_without_throw([&] { tracker_->update(task.out.frame.time_s, task.out.result.poses); });
  timers_.track.add(Clock::now() - start);
  if (outcome.ok()) tracked_ = task.found;
  set_error(task.out.result, std::move(outcome));
}

void Stages::deliver(FrameTask& task) noexcept {
  const auto start = Clock::now();
  timers_.age.add(start - task.out.accepted_at);
  timers_.rate.add(start);
  const bool ok = alive(task);
  try {
    sink_(std::move(task.out));
    task.delivered = ok;
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (!sink_error_) sink_error_ = std::current_exception();
  }
  timers_.sink.add(Clock::now() - start);
}

std::exception_ptr Stages::sink_error() const {
  const std::lock_guard lock(error_mutex_);
  return sink_error_;
}

}  // namespace posekit::inline v0
