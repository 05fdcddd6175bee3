/// A stream: frames go into a pipeline, results are asked for one by one. No thread of the pipeline needs the GIL.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "arrays.h"
#include "options.h"
#include "posekit/pipeline.h"
#include "register.h"
#include "results.h"
#include "tracker.h"

namespace py = pybind11;
using namespace posekit;
using namespace std::chrono_literals;

namespace posekit_python {
namespace {

/// Keeps an array for as long as a frame needs it, and lets go of it with the GIL held, on whatever thread that is.
std::shared_ptr<const void> keep(const py::array& array) {
  return {array.ptr(), [array = std::make_shared<py::array>(array)](const void*) mutable {
            const py::gil_scoped_acquire acquire;
            array.reset();
          }};
}

/// One stream; one Python thread at a time.
class Stream {
 public:
  /// @param loan of the tracker in the options, if there is one
  Stream(const Predictor& predictor, const PipelineOptions& options, std::unique_ptr<TrackerLoan> loan)
      : keypoints_(predictor.estimator().keypoints().size()),
        loan_(std::move(loan)),
        pipeline_(std::make_unique<Pipeline>(
            predictor, [this](PipelineResult out) { put(std::move(out)); }, options)) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() = default;  // without the GIL: first the pipeline goes, then what it left here

  /// @param index counts from 0, by one
  /// @param pixels none: a frame that can't be read, which then fails in its place
  void submit(std::size_t index, double time_s, const std::optional<py::array>& pixels, bool rgb, const std::optional<Boxes>& boxes) {
    PipelineInput input;
    input.frame.index = index;
    input.frame.time_s = time_s;
    if (pixels) {
      input.frame.image = view_of(*pixels, rgb);
      input.frame.owner = keep(*pixels);
    }
    if (boxes) input.boxes = boxes_of(*boxes);
    const py::gil_scoped_release release;
    add_place();
    try {
      (void)pipeline_->submit(std::move(input));
    } catch (...) {
      drop_last_place();
      throw;
    }
  }

  /// Frame `index`'s result; waits for it. It stays here until a later one is asked for: a caller that was interrupted asks again.
  /// @param index of a submitted frame; not below one that was asked for before
  py::tuple take(std::size_t index) {
    if (getpid() != process_) throw Error(ErrorCode::forked, "the stream was made before fork(): make it in the child");
    // Python only notes a signal, and its handlers run when the main thread asks: so the wait looks up now and then.
    constexpr auto look_up = 100ms;
    for (;;) {
      if (PipelineResult* out = wait(index, look_up)) {
        out->frame.owner.reset();  // the image is needed no more
        return py::make_tuple(out->detected, array_of(out->boxes), tuple_of(out->result, keypoints_));
      }
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
  }

  /// Ends the stream within the batch in flight and joins its threads.
  void close() {
    if (getpid() != process_) return;  // in a forked child there is nothing to end
    const py::gil_scoped_release release;
    pipeline_->cancel();
    pipeline_->close();
    loan_.reset();
  }

  [[nodiscard]] PipelineMetrics metrics() const { return pipeline_->metrics(); }

 private:
  void add_place() {
    const std::lock_guard lock(mutex_);
    places_.emplace_back();
  }

  void drop_last_place() {
    const std::lock_guard lock(mutex_);
    places_.pop_back();
  }

  /// Needs no memory: no result is lost.
  void put(PipelineResult out) noexcept {
    {
      const std::lock_guard lock(mutex_);
      places_[out.frame.index - first_] = std::move(out);
    }
    came_.notify_one();
  }

  /// Drops the results before, then waits. @return null: it has not come yet
  PipelineResult* wait(std::size_t index, std::chrono::milliseconds time) {
    const py::gil_scoped_release release;
    std::unique_lock lock(mutex_);
    for (; first_ < index && !places_.empty() && places_.front(); ++first_) places_.pop_front();
    if (index != first_ || places_.empty())
      throw Error(ErrorCode::internal, "frame " + std::to_string(index) + " of the stream is not on its way");
    std::optional<PipelineResult>& place = places_.front();  // stays where it is when others come
    return came_.wait_for(lock, time, [&] { return place.has_value(); }) ? &*place : nullptr;
  }

  pid_t process_ = getpid();
  std::size_t keypoints_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::optional<PipelineResult>> places_;  ///< One for each frame that was submitted and not dropped, in order.
  std::size_t first_ = 0;                             ///< Index of the front.
  std::unique_ptr<TrackerLoan> loan_;                 ///< Goes after the pipeline.
  std::unique_ptr<Pipeline> pipeline_;
};

/// The options by name, each on its line. A new one is a line here and a keyword in _stream.py.
std::unique_ptr<Stream> make_stream(const Predictor& predictor, const std::shared_ptr<SharedTracker>& tracker, const py::kwargs& given) {
  // clang-format off
  static const OptionTable<PipelineOptions> table{
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
  const py::gil_scoped_release release;
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

py::dict metrics_of(const Stream& stream) {
  const PipelineMetrics metrics = stream.metrics();
  py::dict counts;
  counts["accepted"] = metrics.accepted;
  counts["delivered"] = metrics.delivered;
  counts["failed"] = metrics.failed;
  counts["in_flight"] = metrics.in_flight;
  counts["fps"] = metrics.fps;
  counts["waiting_detect"] = metrics.detect.waiting;
  counts["waiting_estimate"] = metrics.estimate.waiting;
  counts["waiting_track"] = metrics.track.waiting;
  counts["detect"] = tuple_of_stats(metrics.detect.time);
  counts["preprocess"] = tuple_of_stats(metrics.estimate.preprocess);
  counts["inference"] = tuple_of_stats(metrics.estimate.inference);
  counts["postprocess"] = tuple_of_stats(metrics.estimate.postprocess);
  counts["track"] = tuple_of_stats(metrics.track.time);
  counts["age"] = tuple_of_stats(metrics.age);
  return counts;
}

}  // namespace

void register_stream(py::module_& module) {
  py::class_<Stream>(module, "Stream", py::release_gil_before_calling_cpp_dtor())
      .def(py::init(&make_stream), py::arg("predictor"), py::arg("tracker"))
      .def("submit", &Stream::submit, py::arg("index"), py::arg("time_s"), py::arg("pixels"), py::arg("rgb"), py::arg("boxes"))
      .def("take", &Stream::take, py::arg("index"))
      .def("close", &Stream::close)
      .def("metrics", &metrics_of);
}

}  // namespace posekit_python
