/// A stream: frames go into a pipeline, results are asked for one by one. No thread of the pipeline needs the GIL.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "arrays.h"
#include "gil.h"
#include "options.h"
#include "posekit/pipeline.h"
#include "register.h"
#include "results.h"
#include "tracker.h"

namespace py = pybind11;
using namespace posekit;  // NOLINT(google-build-using-namespace): what is bound here
using namespace std::chrono_literals;

namespace posekit_python {
namespace {

/// A frame and, once it is there, what was found in it.
struct StreamPrediction : BoundPrediction {
  py::object frame;   ///< What Python wants back with the result.
  py::object pixels;  ///< Kept until the result is taken; null for a frame that can't be read.

  StreamPrediction() = default;
  StreamPrediction(const StreamPrediction&) = delete;
  StreamPrediction& operator=(const StreamPrediction&) = delete;
  /// On any thread, with or without the GIL.
  ~StreamPrediction() {
    const GilAcquire acquire;
    frame = {};
    pixels = {};
  }
};

using Predictions = std::list<std::shared_ptr<StreamPrediction>>;

/// Results on their way from the pipeline's thread to Python's, in order.
class Handover {
 public:
  /// @param in_step `put` returns when Python has asked for the next result; else at once
  explicit Handover(bool in_step) : in_step_(in_step) {}

  /// @param result one entry, made beforehand: this needs no memory, so no result is lost
  void put(Predictions& result) noexcept {
    std::unique_lock lock(mutex_);
    const std::size_t number = first_ + results_.size();
    results_.splice(results_.end(), result);
    came_.notify_all();
    if (in_step_) asked_.wait(lock, [&] { return ended_ || first_ > number; });
  }

  /// Lets go of the results before `number`, then waits for that one; it stays here.
  /// @return none: it has not come yet; null: it never will
  std::optional<std::shared_ptr<StreamPrediction>> wait(std::size_t number, std::chrono::milliseconds time) {
    Predictions old;  // freed without the lock: code of Python's may run then
    std::unique_lock lock(mutex_);
    for (; first_ < number && !results_.empty(); ++first_) old.splice(old.end(), results_, results_.begin());
    asked_.notify_all();
    came_.wait_for(lock, time, [&] { return ended_ || !results_.empty(); });
    if (!results_.empty() && first_ == number) return results_.front();
    if (ended_) return nullptr;
    if (first_ != number)
      throw Error(ErrorCode::internal,
                  "result " + std::to_string(number) + " of the stream is not on its way: report this defect of posekit");
    return std::nullopt;
  }

  /// No results come from now on, or nobody wants them.
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    came_.notify_all();
    asked_.notify_all();
  }

  /// After end(), once the pipeline has ended: lets go of what was not taken.
  void clear() {
    Predictions old;
    const std::lock_guard lock(mutex_);
    old.swap(results_);
  }

 private:
  const bool in_step_;
  std::mutex mutex_;
  std::condition_variable came_;   ///< A result, or the end.
  std::condition_variable asked_;  ///< For a later result; or the end.
  Predictions results_;
  std::size_t first_ = 0;  ///< Number of the front.
  bool ended_ = false;
};

/// What a frame carries through the pipeline.
struct Carried {
  Predictions result;
};

/// One stream. One Python thread at a time asks for results; one submits, the same or another.
class Stream {
 public:
  /// @param loan of the tracker in the options, if there is one
  Stream(const Predictor& predictor, const PipelineOptions& options, std::unique_ptr<TrackerLoan> loan)
      : keypoints_(predictor.estimator().keypoints().size()),
        loan_(std::move(loan)),
        handover_(std::make_unique<Handover>(options.overflow == Overflow::latest)),
        pipeline_(std::make_unique<Pipeline>(
            predictor, [this](PipelineResult out) { put(std::move(out)); }, options)) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  /// Without the GIL: first the pipeline goes, then what it left here.
  ~Stream() {
    if (getpid() == process_)
      handover_->end();
    else
      (void)handover_.release();  // NOLINT(bugprone-unused-return-value): a thread that is not in this forked child may wait there
  }

  /// @param frame what Python wants back with the result
  /// @param pixels none: a frame that can't be read, which then fails in its place
  void submit(py::object frame, std::size_t index, double time_s, const std::optional<py::array>& pixels, bool rgb,
              const std::optional<Boxes>& boxes) {
    const auto carried = std::make_shared<Carried>();
    StreamPrediction& result = *carried->result.emplace_back(std::make_shared<StreamPrediction>());
    result.frame = std::move(frame);
    result.result.keypoint_count = keypoints_;
    PipelineInput input;
    input.frame.owner = carried;
    input.frame.index = index;
    input.frame.time_s = time_s;
    if (pixels) {
      input.frame.image = view_of(*pixels, rgb);
      result.pixels = *pixels;
    }
    if (boxes) input.boxes = boxes_of(*boxes);
    const GilRelease release;
    (void)pipeline_->submit(std::move(input));
  }

  /// The result of this number; waits for it. It stays here until a later one is asked for: a caller that was interrupted asks again.
  /// @param number that of the last call, or one more
  /// @return null: there is none, as the stream has ended
  std::shared_ptr<StreamPrediction> take(std::size_t number) {
    if (getpid() != process_) throw Error(ErrorCode::forked, "the stream was made before fork(): make it in the child");
    // Python only notes a signal, and its handlers run when the main thread asks: so the wait checks for them now and then.
    constexpr auto look_up = 100ms;
    for (;;) {
      std::optional<std::shared_ptr<StreamPrediction>> result;
      {
        const GilRelease release;
        result = handover_->wait(number, look_up);
      }
      if (result) {
        if (*result) (*result)->pixels = {};
        return *result;
      }
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
  }

  /// No more frames come: returns when every result was taken, or the stream is closed.
  void finish() {
    const GilRelease release;
    pipeline_->close();
    handover_->end();
  }

  /// Ends the stream within the batch in flight and joins its threads.
  void close() {
    if (getpid() != process_) return;  // in a forked child there is nothing to end
    const GilRelease release;
    handover_->end();
    pipeline_->cancel();
    pipeline_->close();
    handover_->clear();
    loan_.reset();
  }

  [[nodiscard]] PipelineMetrics metrics() const { return pipeline_->metrics(); }

 private:
  void put(PipelineResult out) noexcept {
    // Made by `submit`, where it is not const.
    Predictions& place = static_cast<Carried*>(const_cast<void*>(out.frame.owner.get()))->result;
    StreamPrediction& result = *place.front();
    result.boxes = std::move(out.boxes);
    result.detected = out.detected;
    result.result.result = std::move(out.result);
    handover_->put(place);
  }

  pid_t process_ = getpid();
  std::size_t keypoints_;
  std::unique_ptr<TrackerLoan> loan_;  ///< Goes after the pipeline.
  std::unique_ptr<Handover> handover_;
  std::unique_ptr<Pipeline> pipeline_;
};

/// The options by name, each on its line. A new one is a line here and a keyword in _stream.py.
std::unique_ptr<Stream> make_stream(const Predictor& predictor, const std::shared_ptr<SharedTracker>& tracker, const py::kwargs& given) {
  // clang-format off
  static const OptionTable<PipelineOptions> table{
      {"overflow", option(&PipelineOptions::overflow)},
      {"queue_frames", option(&PipelineOptions::queue_frames)},
      {"batch_frames", option(&PipelineOptions::batch_frames)},
      {"batch_wait", option(&PipelineOptions::batch_wait)},
      {"detect_every", option(&PipelineOptions::detect_every)},
      {"detect_calls", option(&PipelineOptions::detect_calls)},
      {"estimate_calls", option(&PipelineOptions::estimate_calls)},
      {"frame_timeout", option(&PipelineOptions::frame_timeout)},
  };
  // clang-format on
  auto options = options_of(table, given);
  const GilRelease release;
  std::unique_ptr<TrackerLoan> loan;
  if (tracker) {
    loan = std::make_unique<TrackerLoan>(tracker);
    options.tracker = loan->tracker();
  }
  return std::make_unique<Stream>(predictor, options, std::move(loan));
}

/// (count, mean, p50, p99), in milliseconds.
py::tuple tuple_of_stats(const TimeStats& stats) {
  return py::make_tuple(stats.count, stats.mean.count(), stats.p50.count(), stats.p99.count());
}

/// (waiting, time)
py::tuple tuple_of_stage(const StageMetrics& stage) { return py::make_tuple(stage.waiting, tuple_of_stats(stage.time)); }

/// All but the source, which is Python's.
py::dict metrics_of(const Stream& stream) {
  const PipelineMetrics metrics = stream.metrics();
  py::dict counts;
  counts["accepted"] = metrics.accepted;
  counts["refused"] = metrics.refused;
  counts["delivered"] = metrics.delivered;
  counts["failed"] = metrics.failed;
  counts["dropped"] = metrics.dropped;
  counts["in_flight"] = metrics.in_flight;
  counts["fps"] = metrics.fps;
  counts["detect"] = tuple_of_stage(metrics.detect);
  counts["estimate"] = py::make_tuple(metrics.estimate.waiting, tuple_of_stats(metrics.estimate.preprocess),
                                      tuple_of_stats(metrics.estimate.inference), tuple_of_stats(metrics.estimate.postprocess));
  counts["track"] = tuple_of_stage(metrics.track);
  counts["sink"] = tuple_of_stage(metrics.sink);
  counts["age"] = tuple_of_stats(metrics.age);
  return counts;
}

}  // namespace

void register_stream(py::module_& module) {
  py::class_<StreamPrediction, BoundPrediction, std::shared_ptr<StreamPrediction>>(module, "PipelineResult",
                                                                                   "A prediction and the frame that it is of.")
      .def_readonly("frame", &StreamPrediction::frame);
  py::class_<Stream>(module, "Stream", py::release_gil_before_calling_cpp_dtor())
      .def(py::init(&make_stream), py::arg("predictor"), py::arg("tracker"))
      .def("submit", &Stream::submit, py::arg("frame"), py::arg("index"), py::arg("time_s"), py::arg("pixels"), py::arg("rgb"),
           py::arg("boxes"))
      .def("take", &Stream::take, py::arg("number"))
      .def("finish", &Stream::finish)
      .def("close", &Stream::close)
      .def("metrics", &metrics_of);
}

}  // namespace posekit_python
