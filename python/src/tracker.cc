/// The tracker. Its Python class keeps to one thread at a time by the lock that is here.
#include "tracker.h"

#include <pybind11/numpy.h>

#include <memory>
#include <string>

#include "arrays.h"
#include "register.h"
#include "results.h"

namespace py = pybind11;
using namespace posekit;

namespace posekit_python {
namespace {

py::tuple update(SharedTracker& self, const py::tuple& state, double time_s) {
  ImageResult result = result_of(state);
  self.with([&](Tracker& tracker) { tracker.update(time_s, result.poses); });
  return tuple_of(result, self.keypoints().size());
}

}  // namespace

void register_tracker(py::module_& module) {
  py::class_<SharedTracker, std::shared_ptr<SharedTracker>>(module, "Tracker")
      .def(py::init([](const KeypointSet& keypoints, float high_score, float low_score, float new_score, float keypoint_score,
                       double oks_weight, double min_similarity, double birth_s, double max_gap_s, bool smoothing, double min_cutoff_hz,
                       double speed_factor, double speed_cutoff_hz, double smoothing_gap_s, double jump) {
             return std::make_shared<SharedTracker>(keypoints, TrackerOptions{.high_score = high_score,
                                                                              .low_score = low_score,
                                                                              .new_score = new_score,
                                                                              .keypoint_score = keypoint_score,
                                                                              .oks_weight = oks_weight,
                                                                              .min_similarity = min_similarity,
                                                                              .birth_s = birth_s,
                                                                              .max_gap_s = max_gap_s,
                                                                              .smoothing = {.enabled = smoothing,
                                                                                            .min_cutoff_hz = min_cutoff_hz,
                                                                                            .speed_factor = speed_factor,
                                                                                            .speed_cutoff_hz = speed_cutoff_hz,
                                                                                            .max_gap_s = smoothing_gap_s,
                                                                                            .jump = jump}});
           }),
           py::arg("keypoint_set"), py::kw_only(), py::arg("high_score"), py::arg("low_score"), py::arg("new_score"),
           py::arg("keypoint_score"), py::arg("oks_weight"), py::arg("min_similarity"), py::arg("birth_s"), py::arg("max_gap_s"),
           py::arg("smoothing"), py::arg("min_cutoff_hz"), py::arg("speed_factor"), py::arg("speed_cutoff_hz"), py::arg("smoothing_gap_s"),
           py::arg("jump"))
      .def("update", &update, py::arg("result"), py::arg("time_s"))
      .def(
          "predict",
          [](SharedTracker& self, double time_s) {
            return array_of(self.with([&](const Tracker& tracker) { return tracker.predict(time_s); }));
          },
          py::arg("time_s"))
      .def("reset", [](SharedTracker& self) { self.with([](Tracker& tracker) { tracker.reset(); }); })
      .def("save", [](SharedTracker& self) { return self.with([](const Tracker& tracker) { return tracker.save(); }); })
      .def(
          "restore", [](SharedTracker& self, const std::string& state) { self.with([&](Tracker& tracker) { tracker.restore(state); }); },
          py::arg("state"));
}

}  // namespace posekit_python
