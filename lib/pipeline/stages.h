/// What a pipeline's stations do with the frames they take.
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

/// Meters of all stages.
struct Meters {
  TimeMeter source, detect, preprocess, inference, postprocess, track, sink, age;
  RateMeter rate;
};

/// The stages' work. Lets no exception out: whatever goes wrong is told in the frames. `detect` and `estimate` may run in several threads
/// at once, `track` and `deliver` in one thread each.
class Stages {
 public:
  /// @param options complete: no zero that stands for a default
  Stages(std::shared_ptr<const PoseEstimator> estimator, std::shared_ptr<const PersonDetector> detector, Pipeline::Sink sink,
         const PipelineOptions& options, std::stop_token stop);

  void detect(std::span<Item* const> batch) noexcept;
  /// Carries boxes over to frames that have none of their own: for each frame in order, under the belt's lock.
  void settle(Item& item) noexcept;
  void estimate(std::span<Item* const> batch) noexcept;
  void track(Item& item) noexcept;
  void deliver(Item& item) noexcept;

  /// The first exception of the sink, if there was one.
  [[nodiscard]] std::exception_ptr sink_error() const;
  [[nodiscard]] const Meters& meters() const noexcept { return meters_; }
  [[nodiscard]] Meters& meters() noexcept { return meters_; }

 private:
  [[nodiscard]] RunControl control_for(std::span<Item* const> batch) const noexcept;
  void check_time(const Item& item) const;
  [[nodiscard]] bool looked_at(const Item& item) const noexcept { return !item.found && item.position % detect_every_ == 0; }
  void detect_alive(std::span<Item* const> batch);
  void estimate_alive(std::span<Item* const> batch);
  void measure(const Timings& timings) noexcept;

  std::shared_ptr<const PoseEstimator> estimator_;
  std::shared_ptr<const PersonDetector> detector_;
  Pipeline::Sink sink_;
  std::shared_ptr<Tracker> tracker_;
  std::size_t detect_every_;
  std::optional<std::chrono::microseconds> frame_timeout_;
  std::stop_token stop_;
  std::shared_ptr<const Found> held_;     ///< The last boxes; only `settle` looks at it.
  std::shared_ptr<const Found> tracked_;  ///< The last boxes whose people the tracker has seen.
  Meters meters_;
  mutable std::mutex error_mutex_;
  std::exception_ptr sink_error_;
};

}  // namespace posekit::inline v0
