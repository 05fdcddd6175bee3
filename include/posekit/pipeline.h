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

/// What `submit` does when as many frames wait as may wait.
enum class Overflow {
  block,   ///< It waits for room. For files: nothing is left out.
  refuse,  ///< It takes nothing and says so.
  latest,  ///< The oldest waiting frame is dropped for the new one. For cameras: results stay young.
};

struct PipelineOptions {
  Overflow overflow = Overflow::block;
  /// Most frames before the first stage, and between two stages (begun by the earlier, not yet by the later). 0 = twice what a stage takes
  /// at once, at least 4; with Overflow::latest as few as keep every call busy.
  std::size_t queue_frames = 0;
  std::size_t batch_frames = 0;  ///< Most frames that one call of a model takes together; 0 = 1 on a CPU, 8 on a GPU.
  /// How long a call waits for its batch to fill; 0: it takes what is there. Below frame_timeout, below half of it with a detector.
  std::chrono::microseconds batch_wait{0};
  std::size_t detect_every = 1;    ///< The detector looks at the first frame and every so many after it; >= 1.
  std::size_t detect_calls = 1;    ///< Calls of the detector that run side by side, a thread for each; 1 to 64.
  std::size_t estimate_calls = 0;  ///< The same of the estimator, up to 64; 0 = 1 on a CPU, 2 on a GPU.
  /// The model's calls for a frame must begin and end so long after it was taken in, else it fails; > 0. It is looked at before a call
  /// and in it between batches, so that a result which comes late is a result all the same; a call of several frames goes on until the
  /// time of the last of them. The tracker's and the sink's time do not count.
  std::optional<std::chrono::microseconds> frame_timeout{};
  /// Sets track ids and smooths keypoints, in order, before the sink. With detect_every > 1 its predictions are the boxes of the frames
  /// between: each such frame then waits for the one before it. The pipeline's alone until it has ended. A frame that failed is not
  /// shown to it: if its boxes were new, the next frame gets these and no predictions. Frames' times must grow. Its set has as many
  /// keypoints as the estimator's.
  std::shared_ptr<Tracker> tracker{};
};

/// A frame on its way in.
struct PipelineInput {
  Frame frame;                              ///< Where `owner` is null, the pixels must stay until the sink has had the frame.
  std::optional<std::vector<Box>> boxes{};  ///< Its people, may be empty; then no detector looks at it. None: the detector finds them.
};

/// A frame on its way out. Its `boxes` are given, detected, held from an earlier frame, or predicted by the tracker. Whatever went wrong
/// with it, in any stage, is the `code` and `message` of its `result`: what a model or detector reported, deadline_exceeded, or cancelled.
struct PipelineResult : Prediction {
  Frame frame;
  std::chrono::steady_clock::time_point accepted_at{};  ///< When `submit` took it in.
};

/// How long something took.
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

/// Where a pipeline stands. accepted = delivered + failed + dropped + in_flight, at any moment.
struct PipelineMetrics {
  std::size_t accepted = 0;   ///< Frames that `submit` took in.
  std::size_t refused = 0;    ///< Frames that `submit` did not take for want of room. Not among the accepted.
  std::size_t delivered = 0;  ///< The sink had them, and their result is ok.
  std::size_t failed = 0;     ///< The sink had them with an error in their result, or the sink threw.
  std::size_t dropped = 0;    ///< Dropped for a newer frame; the sink never sees them.
  std::size_t in_flight = 0;  ///< Still on their way.
  double fps = 0;             ///< Frames a second at the sink, over the last 1024.

  TimeStats source;  ///< One call of the source, in `run`.
  StageMetrics detect;
  EstimateMetrics estimate;
  StageMetrics track;  ///< `time`: one frame's update of the tracker.
  StageMetrics sink;   ///< `time`: one call of the sink. Frames that wait behind a slower one count as waiting.
  TimeStats age;       ///< From `submit` until the sink got the frame.
};

/// Runs an endless stream of frames through a predictor. The stages (detect, estimate, track, sink) work side by side on
/// threads of the pipeline's own, as many as the options say and never more; crops and decoding use the models' executors. Between
/// stages are bounded queues. Several pipelines may share models and executors. docs/streams.md has the whole picture.
///
/// The sink gets every accepted frame that is not dropped exactly once, in the order of `submit`, one at a time, on one thread. A frame
/// that fails carries its error there and the stream goes on. So does a sink that throws: its frame counts as failed, and `close` or
/// `run` rethrows the first such exception at the end; a sink that can't go on calls `cancel`. The sink may call `cancel` and `metrics`,
/// nothing else of its pipeline, and never destroys it.
///
/// Any number of threads may call any member at once, but for the destructor: no other call may be running then, waiting ones included.
/// The order of frames is the order in which their `submit` calls took them in.
class POSEKIT_API Pipeline {
 public:
  using Sink = std::function<void(PipelineResult)>;
  using Source = std::function<std::optional<PipelineInput>()>;

  /// Starts the threads.
  /// @param predictor without a detector, every frame comes with its boxes
  /// @throws Error invalid_argument, out_of_memory (a thread can't be started)
  Pipeline(Predictor predictor, Sink sink, PipelineOptions options = {});
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  /// As `cancel`, then `close`: returns when the sink has had every accepted frame, those not done as `cancelled`. It waits for the
  /// batches in flight and for the sink, for nothing else. What the sink throws ends here: call `close` to learn of it.
  ~Pipeline();

  /// Takes a frame in.
  /// @param control ends the wait for room (Overflow::block); the frame itself obeys `cancel` and `frame_timeout` only
  /// @return whether it was taken in: false only with Overflow::refuse
  /// @throws Error closed (after `close` or `cancel`, also while it waits), invalid_argument (no boxes and no detector; from the sink),
  ///               cancelled, deadline_exceeded, forked
  bool submit(PipelineInput input, const RunControl& control = {});

  /// Submits what the source gives until it gives nothing, then closes. The source runs on the caller's thread. If it throws, what it
  /// gave before is finished and delivered first. If `control` ends the call, the pipeline is cancelled.
  /// @throws whatever the source threw; else Error cancelled, deadline_exceeded (by `control`), closed, invalid_argument (as `submit`; from
  ///         the sink), forked; else the first that the sink threw; else Error cancelled (by `cancel`)
  void run(const Source& source, const RunControl& control = {});

  /// Takes no more frames, and returns when the sink has had all and the threads have ended. May be called again.
  /// @param control ends the wait only: the stream goes on being finished
  /// @throws whatever the sink threw first; Error cancelled, deadline_exceeded, invalid_argument (from the sink), forked
  void close(const RunControl& control = {});

  /// Takes no more frames and begins no more work; a batch in flight ends. Frames not done reach the sink as `cancelled`. Does not wait.
  /// @throws Error forked
  void cancel();

  /// A snapshot. @throws Error forked
  [[nodiscard]] PipelineMetrics metrics() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
