/// The tracker. Its Python class keeps to one thread at a time by the lock that is here.
#include "tracker.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>

#include "arrays.h"
#include "options.h"
#include "register.h"
#include "results.h"

namespace py = pybind11;
using namespace posekit;  // NOLINT(google-build-using-namespace): what is bound here

namespace posekit_python {
namespace {

/// The options by name. Those of smoothing stand beside the others.
std::shared_ptr<SharedTracker> make_tracker(const KeypointSet& keypoints, const py::kwargs& given) {
  using Smoothing = SmoothingOptions;
  static const OptionTable<TrackerOptions> table{
      {"high_score", option(&TrackerOptions::high_score)},
      {"low_score", option(&TrackerOptions::low_score)},
      {"new_score", option(&TrackerOptions::new_score)},
      {"keypoint_score", option(&TrackerOptions::keypoint_score)},
      {"oks_weight", option(&TrackerOptions::oks_weight)},
      {"min_similarity", option(&TrackerOptions::min_similarity)},
      {"birth_s", option(&TrackerOptions::birth_s)},
      {"max_gap_s", option(&TrackerOptions::max_gap_s)},
      {"smoothing", option(&TrackerOptions::smoothing, &Smoothing::enabled)},
      {"min_cutoff_hz", option(&TrackerOptions::smoothing, &Smoothing::min_cutoff_hz)},
      {"speed_factor", option(&TrackerOptions::smoothing, &Smoothing::speed_factor)},
      {"speed_cutoff_hz", option(&TrackerOptions::smoothing, &Smoothing::speed_cutoff_hz)},
      {"smoothing_gap_s", option(&TrackerOptions::smoothing, &Smoothing::max_gap_s)},
      {"jump", option(&TrackerOptions::smoothing, &Smoothing::jump)},
  };
  return std::make_shared<SharedTracker>(keypoints, options_of(table, given));
}

/// A copy of the result with track ids and smooth keypoints.
BoundResult update(SharedTracker& self, BoundResult result, double time_s) {
  self.with([&](Tracker& tracker) { tracker.update(time_s, result.result.poses); });
  return result;
}

}  // namespace

void register_tracker(py::module_& module) {
  py::class_<SharedTracker, std::shared_ptr<SharedTracker>>(module, "Tracker")
      .def(py::init(&make_tracker), py::arg("keypoint_set"))
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
