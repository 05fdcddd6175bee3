/// What a pipeline's stages do with the frames they take.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <vector>

#include "pipeline/frame_queue.h"
#include "pipeline/stage_timers.h"
#include "posekit/pipeline.h"

namespace posekit::inline v0 {

/// The timers of all stages.
struct StageTimers {
  TimeWindow source, detect, preprocess, inference, postprocess, track, sink, age;
  RateWindow rate;
};

/// The stages' work. Throws nothing: errors are reported in the frames. `detect` and `estimate` may run in several threads
/// at once, `track` and `deliver` in one thread each.
class Stages {
 public:
  /// @param options complete: no zero that stands for a default
  Stages(Predictor predictor, Pipeline::Sink sink, const PipelineOptions& options, std::stop_token stop);

  void detect(std::span<FrameTask* const> batch) noexcept;
  /// Gives the last boxes to frames without boxes: for each frame in order, under the queue's lock.
  void assign_boxes(FrameTask& task) noexcept;
  void estimate(std::span<FrameTask* const> batch) noexcept;
  void track(FrameTask& task) noexcept;
  void deliver(FrameTask& task) noexcept;

  /// The first exception of the sink, if there was one.
  [[nodiscard]] std::exception_ptr sink_error() const;
  [[nodiscard]] const StageTimers& timers() const noexcept { return timers_; }
  [[nodiscard]] StageTimers& timers() noexcept { return timers_; }

 private:
  [[nodiscard]] RunControl control_for(std::span<FrameTask* const> batch) const noexcept;
  void check_time(const FrameTask& task) const;
  [[nodiscard]] bool to_detect(const FrameTask& task) const noexcept { return !task.found && task.position % detect_every_ == 0; }
  void detect_alive(std::span<FrameTask* const> batch);
  void estimate_alive(std::span<FrameTask* const> batch);
  void measure(const Timings& timings) noexcept;

  Predictor predictor_;
  Pipeline::Sink sink_;
  std::shared_ptr<Tracker> tracker_;
  std::size_t detect_every_;
  std::optional<std::chrono::microseconds> frame_timeout_;
  std::stop_token stop_;
  std::shared_ptr<const FrameBoxes> held_;     ///< The last boxes; only `assign_boxes` looks at it.
  std::shared_ptr<const FrameBoxes> tracked_;  ///< The last boxes whose people the tracker has seen.
  StageTimers timers_;
  mutable std::mutex error_mutex_;
  std::exception_ptr sink_error_;
};

}  // namespace posekit::inline v0
