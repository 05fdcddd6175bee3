/// Pipeline: frames in, poses out, in order, with every stage at work at the same time.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "posekit/export.h"
#include "posekit/frame.h"
#include "posekit/pose.h"
#include "posekit/predictor.h"
#include "posekit/run_control.h"
#include "posekit/tracker.h"

namespace posekit::inline v0 {

/// Says what `submit` does when the first queue is full.
enum class Overflow {
  block,   ///< Waits for room. For files: nothing is left out.
  refuse,  ///< Takes nothing and returns false.
  latest,  ///< Drops the oldest waiting frame for the new one. For cameras: results stay recent.
};

/// Sets how a Pipeline works.
struct PipelineOptions {
  Overflow overflow = Overflow::block;
  /// Most frames that wait before the first stage, and between two stages.
  ///
  /// Between two stages are the frames begun by the earlier and not yet by the later. 0 = twice
  /// what a stage takes at once, at least 4; with Overflow::latest, just enough to keep every call
  /// busy.
  std::size_t queue_frames = 0;
  /// Most frames that one call of a model takes together; 0 = 1 on a CPU, 8 on a GPU.
  std::size_t batch_frames = 0;
  /// How long a call waits for its batch to fill; 0: it takes what is there.
  ///
  /// It must be below frame_timeout, and below half of it with a detector.
  std::chrono::microseconds batch_wait{0};
  /// The detector runs on the first frame and every detect_every-th after it; >= 1.
  std::size_t detect_every = 1;
  /// Calls of the detector that run side by side, a thread for each, up to 64; 0 = 1 on a CPU, 2
  /// on a GPU.
  std::size_t detect_calls = 0;
  /// The same of the estimator.
  std::size_t estimate_calls = 0;
  /// Time limit of a frame's model calls, counted from when it was accepted; > 0. None: no limit.
  ///
  /// The calls must begin and end within it, else the frame fails. It is checked before each call
  /// and, within a call, between batches. So a result that comes late is still a result. A call of
  /// several frames goes on until the limit of the last of them. The tracker's and the sink's time
  /// do not count.
  std::optional<std::chrono::microseconds> frame_timeout{};
  /// Sets track ids and smooths keypoints, in order, before the sink. Null: no tracking.
  ///
  /// Nothing else may use the tracker until the pipeline has ended. Its set has as many keypoints
  /// as the estimator's. Frames' times must grow.
  ///
  /// With detect_every > 1 its predictions are the boxes of the frames between. Each such frame
  /// then waits for the one before it.
  ///
  /// A frame that failed is not shown to it. If that frame's boxes were new, the next frame gets
  /// these and no predictions.
  std::shared_ptr<Tracker> tracker{};
};

/// Holds a frame on its way in.
struct PipelineInput {
  /// Where its `owner` is null, the pixels must stay until the sink has had the frame.
  Frame frame;
  /// Its people, may be empty; then no detector runs on it. None: the detector finds them.
  std::optional<std::vector<Box>> boxes{};
};

/// Holds a frame on its way out.
///
/// Its `boxes` are given, detected, held from an earlier frame, or predicted by the tracker.
///
/// Whatever went wrong with it, in any stage, is the `code` and `message` of its `result`. That is
/// what a model or detector reported, deadline_exceeded, or cancelled.
struct PipelineResult : Prediction {
  Frame frame;
  std::chrono::steady_clock::time_point accepted_at{};  ///< When `submit` took it in.
};

/// Says how long something took.
struct TimeStats {
  std::size_t count = 0;
  Milliseconds mean{};  ///< Over all.
  Milliseconds p50{};   ///< Over the last 1024.
  Milliseconds p99{};   ///< The same.
};

/// A stage of a pipeline.
struct StageMetrics {
  std::size_t waiting = 0;  ///< Frames that wait for the stage.
  TimeStats time;           ///< One frame's share of the stage; of frames that passed it.
};

/// The stage of the estimator, with its parts as in `Timings`.
struct EstimateMetrics {
  std::size_t waiting = 0;  ///< Frames that wait for the stage.
  TimeStats preprocess;
  TimeStats inference;
  TimeStats postprocess;
};

/// Counts and times a pipeline's frames, at one moment.
///
/// accepted = delivered + failed + dropped + in_flight, at any moment.
struct PipelineMetrics {
  std::size_t accepted = 0;   ///< Frames that `submit` took in.
  std::size_t refused = 0;    ///< Not taken by `submit` for want of room; not among the accepted.
  std::size_t delivered = 0;  ///< The sink had them, and their result is ok.
  std::size_t failed = 0;     ///< The sink had them with an error in their result, or it threw.
  std::size_t dropped = 0;    ///< Dropped for a newer frame; the sink never sees them.
  std::size_t in_flight = 0;  ///< Still on their way.
  double fps = 0;             ///< Frames a second at the sink, over the last 1024.

  TimeStats source;  ///< One call of the source, in `run`.
  StageMetrics detect;
  EstimateMetrics estimate;
  StageMetrics track;  ///< `time`: one frame's update of the tracker.
  StageMetrics sink;   ///< `time`: one call of the sink. `waiting`: with those behind a slower one.
  TimeStats age;       ///< From `submit` until the sink got the frame.
};

/// Runs an endless stream of frames through a predictor.
///
/// The stages (detect, estimate, track, sink) work side by side, with bounded queues between them.
/// docs/streams.md has the whole picture.
///
/// The pipeline has threads of its own, as many as the options say and never more. Crops and
/// decoding use the models' executors. Several pipelines may share models and executors.
///
/// Any number of threads may call any member at once, except the destructor: no other call may be
/// running then, waiting ones included.
///
/// The sink gets every accepted frame that is not dropped exactly once, one at a time, on one
/// thread. The order is that in which `submit` accepted the frames. The sink may call `cancel` and
/// `metrics`, nothing else of its pipeline, and never destroys it.
///
/// A frame that fails carries its error to the sink, and the stream goes on. The stream also goes
/// on when the sink throws. Its frame then counts as failed, and `close` or `run` rethrows the
/// first such exception at the end. A sink that can't go on calls `cancel`.
///
/// After fork() every call in the child fails with ErrorCode::forked, and the destructor joins
/// nothing.
class POSEKIT_API Pipeline {
 public:
  /// Gets each frame on its way out.
  using Sink = std::function<void(PipelineResult)>;
  /// Returns the next frame, or none at the end of the stream.
  using Source = std::function<std::optional<PipelineInput>()>;

  /// Starts the threads.
  ///
  /// @param predictor without a detector, every frame comes with its boxes
  /// @param sink not empty
  /// @throws Error invalid_argument if the sink is empty, or an option is out of range or does not
  ///     fit
  /// @throws Error out_of_memory if a thread can't be started
  Pipeline(Predictor predictor, Sink sink, PipelineOptions options = {});
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  /// Cancels, then closes: returns when the sink has had every accepted frame.
  ///
  /// Frames not done reach the sink as `cancelled`. It waits for the batches in flight and for the
  /// sink, and for nothing else. What the sink throws is lost here: call `close` to learn of it.
  ~Pipeline();

  /// Accepts a frame.
  ///
  /// With Overflow::block it waits for room.
  ///
  /// @param control ends that wait; the frame itself obeys `cancel` and `frame_timeout` only
  /// @return whether the frame was accepted: false only with Overflow::refuse
  /// @throws Error closed after `close` or `cancel`, also while it waits
  /// @throws Error invalid_argument if there are neither boxes nor a detector, or if the sink calls
  ///     it
  /// @throws Error cancelled, deadline_exceeded by `control`
  /// @throws Error forked
  bool submit(PipelineInput input, const RunControl& control = {});

  /// Submits what the source gives until it gives nothing, then closes.
  ///
  /// The source runs on the caller's thread. If it throws, what it gave before is finished and
  /// delivered first. If `control` ends the call, the pipeline is cancelled.
  ///
  /// Where several of these happened, it throws the first of this list:
  ///
  /// @throws whatever the source threw
  /// @throws Error cancelled, deadline_exceeded by `control`
  /// @throws Error closed, invalid_argument as `submit`, invalid_argument if the sink calls it,
  ///     forked
  /// @throws whatever the sink threw first
  /// @throws Error cancelled by `cancel`
  void run(const Source& source, const RunControl& control = {});

  /// Takes no more frames, and returns when the sink has had all and the threads have ended.
  ///
  /// It may be called again.
  ///
  /// @param control ends the wait only: the stream goes on being finished
  /// @throws whatever the sink threw first
  /// @throws Error cancelled, deadline_exceeded by `control`
  /// @throws Error invalid_argument if the sink calls it
  /// @throws Error forked
  void close(const RunControl& control = {});

  /// Takes no more frames and begins no more work.
  ///
  /// A batch in flight ends. Frames not done reach the sink as `cancelled`. It does not wait.
  ///
  /// @throws Error forked
  void cancel();

  /// Returns the counts and times of this moment.
  ///
  /// @throws Error forked
  [[nodiscard]] PipelineMetrics metrics() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
