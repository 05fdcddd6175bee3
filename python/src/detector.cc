/// The person detector.
#include "posekit/detector.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <vector>

#include "arrays.h"
#include "gil.h"
#include "interrupt.h"
#include "options.h"
#include "register.h"

namespace py = pybind11;
using namespace posekit;  // NOLINT(google-build-using-namespace): what is bound here

namespace posekit_python {
namespace {

/// The options by name, each on its line. A new one is a line here and a keyword in _detector.py.
std::shared_ptr<PersonDetector> make_detector(const Model& model, const py::kwargs& given) {
  // clang-format off
  static const OptionTable<DetectorOptions> table{
      {"executor", option(&DetectorOptions::executor)},
      {"max_batch", option(&DetectorOptions::max_batch)},
      {"score_threshold", option(&DetectorOptions::score_threshold)},
      {"nms_iou", option(&DetectorOptions::nms_iou)},
      {"max_persons", option(&DetectorOptions::max_persons)},
      {"tiles", option(&DetectorOptions::tiles)},
  };
  // clang-format on
  DetectorOptions options = options_of(table, given);
  const GilRelease release;
  return std::make_shared<PersonDetector>(model, std::move(options));
}

std::vector<DetectionResult> detect_batch(const PersonDetector& detector, const std::vector<py::array>& images, bool rgb,
                                          std::optional<double> timeout) {
  std::vector<ImageView> views;
  for (const py::array& image : images) views.push_back(view_of(image, rgb));
  return run_watched(timeout, [&](const RunControl& control) { return detector.detect_batch(views, control); });
}

}  // namespace

void register_detector(py::module_& module) {
  py::class_<PersonDetector, std::shared_ptr<PersonDetector>>(module, "PersonDetector", py::release_gil_before_calling_cpp_dtor())
      .def(py::init(&make_detector), py::arg("model"))
      .def_property_readonly("info", &PersonDetector::info, py::return_value_policy::copy)
      .def("detect_batch", &detect_batch, py::arg("images"), py::arg("rgb"), py::arg("timeout"));
}

}  // namespace posekit_python
