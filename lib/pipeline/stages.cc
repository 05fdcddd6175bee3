/// What a pipeline's stations do with the frames they take.
#include "pipeline/stages.h"

#include <fmt/format.h>

#include <utility>

namespace posekit::inline v0 {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t through_tracker = 3;  // stations that a frame has passed then: the detector's, the estimator's, the tracker's

/// How work ended, whatever it threw; where memory for the message is out, without one.
template <class Work>
Outcome outcome_without_throw(Work&& work) noexcept {
  try {
    return outcome_of([&] {
      try {
        work();
      } catch (const std::exception&) {
        throw;
      } catch (...) {
        throw Error(ErrorCode::internal, "something was thrown that is no std::exception");
      }
    });
  } catch (...) {
    return {ErrorCode::out_of_memory, {}};
  }
}

void fail(Item& item, Outcome outcome) noexcept {
  if (item.out.result.code != ErrorCode::ok) return;
  item.out.result.code = outcome.code;
  item.out.result.message = std::move(outcome.message);
}

/// Gives every frame the same error, as far as memory for the messages goes.
void fail_all(std::span<Item* const> batch, const Outcome& outcome) noexcept {
  for (Item* item : batch) fail(*item, outcome_without_throw([&] { throw Error(outcome.code, outcome.message); }));
}

bool alive(const Item& item) noexcept { return item.out.result.code == ErrorCode::ok; }

}  // namespace

Stages::Stages(std::shared_ptr<const PoseEstimator> estimator, std::shared_ptr<const PersonDetector> detector, Pipeline::Sink sink,
               const PipelineOptions& options, std::stop_token stop)
    : estimator_(std::move(estimator)),
      detector_(std::move(detector)),
      sink_(std::move(sink)),
      tracker_(options.tracker),
      detect_every_(options.detect_every),
      frame_timeout_(options.frame_timeout),
      stop_(std::move(stop)) {}

/// @throws Error cancelled, deadline_exceeded
void Stages::check_time(const Item& item) const {
  if (stop_.stop_requested())
    throw Error(ErrorCode::cancelled, fmt::format("the pipeline was cancelled before frame {} was done", item.out.frame.index));
  if (frame_timeout_ && Clock::now() >= item.out.accepted_at + *frame_timeout_) {
    throw Error(ErrorCode::deadline_exceeded,
                fmt::format("frame {} was not done within its {} ms: allow more time, or let fewer frames wait", item.out.frame.index,
                            Milliseconds(*frame_timeout_).count()));
  }
}

/// One call's control. Its deadline is the last frame's: nobody loses time of its own to a neighbour's deadline.
RunControl Stages::control_for(std::span<Item* const> batch) const noexcept {
  RunControl control{.stop = stop_, .deadline = std::nullopt};
  if (frame_timeout_) control.deadline = batch.back()->out.accepted_at + *frame_timeout_;
  return control;
}

void Stages::detect(std::span<Item* const> batch) noexcept {
  const Outcome outcome = outcome_without_throw([&] { detect_alive(batch); });
  if (outcome.ok()) return;
  for (Item* item : batch) {
    if (!looked_at(*item)) continue;
    fail_all({&item, 1}, outcome);
    (void)outcome_without_throw([&] { item->found = std::make_shared<const Found>(Found{outcome, {}}); });  // null only if memory is out
  }
}

void Stages::detect_alive(std::span<Item* const> batch) {
  std::vector<Item*> items;
  std::vector<ImageView> images;
  for (Item* item : batch) {
    if (!looked_at(*item)) continue;
    const Outcome outcome = outcome_of([&] { check_time(*item); });
    if (outcome.ok()) {
      items.push_back(item);
      images.push_back(item->out.frame.image);
      continue;
    }
    item->found = std::make_shared<const Found>(Found{outcome, {}});
    fail(*item, outcome);
  }
  if (items.empty()) return;

  std::vector<DetectionResult> results = detector_->detect_batch(images, control_for(items));
  for (std::size_t i = 0; i < items.size(); ++i) {
    DetectionResult& result = results[i];
    items[i]->out.detected = true;
    items[i]->out.result.timings.detect = result.timings.detect;
    if (result.code == ErrorCode::ok) meters_.detect.add(result.timings.detect);
    Outcome outcome{result.code, std::move(result.message)};
    items[i]->found = std::make_shared<const Found>(Found{outcome, std::move(result.boxes)});
    fail(*items[i], std::move(outcome));
  }
}

void Stages::settle(Item& item) noexcept {
  if (item.found) {
    if (item.found->outcome.ok() || !held_ || !held_->outcome.ok()) held_ = item.found;
    return;
  }
  item.found = held_;
  if (tracker_ && held_ && held_->outcome.ok()) item.after_previous = through_tracker;
}

void Stages::estimate(std::span<Item* const> batch) noexcept {
  const Outcome outcome = outcome_without_throw([&] { estimate_alive(batch); });
  if (!outcome.ok()) fail_all(batch, outcome);
}

void Stages::estimate_alive(std::span<Item* const> batch) {
  std::vector<Item*> items;
  std::vector<ImageBoxes> inputs;
  for (Item* item : batch) {
    if (!alive(*item)) continue;
    const Outcome outcome = outcome_of([&] {
      check_time(*item);
      if (!item->found) throw std::bad_alloc();  // there was no memory for them
      if (!item->found->outcome.ok()) throw Error(item->found->outcome.code, item->found->outcome.message);
      // Nobody else uses the tracker or tracked_ now: all frames before are through, and none behind comes until this one is estimated.
      const bool predicted = item->after_previous > 0 && item->found == tracked_;
      item->out.boxes = predicted ? tracker_->predict(item->out.frame.time_s) : item->found->boxes;
    });
    if (!outcome.ok()) {
      fail(*item, outcome);
      continue;
    }
    items.push_back(item);
    inputs.push_back({item->out.frame.image, item->out.boxes});
  }
  if (items.empty()) return;

  std::vector<ImageResult> results = estimator_->estimate_batch(inputs, control_for(items));
  for (std::size_t i = 0; i < items.size(); ++i) {
    ImageResult& result = items[i]->out.result;
    const Milliseconds detect = result.timings.detect;
    result = std::move(results[i]);
    result.timings.detect = detect;
    if (!result.poses.empty()) measure(result.timings);
  }
}

void Stages::measure(const Timings& timings) noexcept {
  meters_.preprocess.add(timings.preprocess);
  meters_.inference.add(timings.inference);
  meters_.postprocess.add(timings.postprocess);
}

void Stages::track(Item& item) noexcept {
  if (!alive(item)) return;
  const auto start = Clock::now();
  Outcome outcome = outcome_without_throw([&] { tracker_->update(item.out.frame.time_s, item.out.result.poses); });
  meters_.track.add(Clock::now() - start);
  if (outcome.ok()) tracked_ = item.found;
  fail(item, std::move(outcome));
}

void Stages::deliver(Item& item) noexcept {
  const auto start = Clock::now();
  meters_.age.add(start - item.out.accepted_at);
  meters_.rate.add(start);
  const bool ok = alive(item);
  try {
    sink_(std::move(item.out));
    item.delivered = ok;
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (!sink_error_) sink_error_ = std::current_exception();
  }
  meters_.sink.add(Clock::now() - start);
}

std::exception_ptr Stages::sink_error() const {
  const std::lock_guard lock(error_mutex_);
  return sink_error_;
}

}  // namespace posekit::inline v0
