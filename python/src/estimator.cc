/// The pose estimator.
#include "posekit/estimator.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <vector>

#include "arrays.h"
#include "device_image.h"
#include "gil.h"
#include "interrupt.h"
#include "options.h"
#include "register.h"
#include "results.h"

namespace py = pybind11;
using namespace posekit;  // NOLINT(google-build-using-namespace): what is bound here

namespace posekit_python {
namespace {

/// The options by name, each on its line. A new one is a line here and a keyword in _estimator.py.
std::shared_ptr<PoseEstimator> make_estimator(const Model& model, const py::kwargs& given) {
  // clang-format off
  static const OptionTable<EstimatorOptions> table{
      {"executor", option(&EstimatorOptions::executor)},
      {"max_batch", option(&EstimatorOptions::max_batch)},
      {"box_padding", option(&EstimatorOptions::box_padding)},
      {"keypoints", option(&EstimatorOptions::keypoints)},
      {"flip_test", option(&EstimatorOptions::flip_test)},
  };
  // clang-format on
  EstimatorOptions options = options_of(table, given);
  const GilRelease release;
  return std::make_shared<PoseEstimator>(model, std::move(options));
}

std::vector<BoundResult> estimate_batch(const PoseEstimator& estimator, const std::vector<AnyImage>& images,
                                        const std::vector<Boxes>& boxes, bool rgb, std::optional<double> timeout) {
  std::vector<std::vector<Box>> people;
  for (const Boxes& array : boxes) people.push_back(boxes_of(array));
  std::vector<ImageBoxes> input;
  for (std::size_t i = 0; i < images.size(); ++i) input.push_back({view_of(images[i], rgb), people.at(i)});

  auto results = run_watched(timeout, [&](const RunControl& control) { return estimator.estimate_batch(input, control); });
  std::vector<BoundResult> list;
  for (ImageResult& result : results) list.push_back({std::move(result), estimator.keypoints().size()});
  return list;
}

}  // namespace

void register_estimator(py::module_& module) {
  py::class_<PoseEstimator, std::shared_ptr<PoseEstimator>>(module, "PoseEstimator", py::release_gil_before_calling_cpp_dtor())
      .def(py::init(&make_estimator), py::arg("model"))
      .def_property_readonly("info", &PoseEstimator::info, py::return_value_policy::copy)
      .def_property_readonly("keypoints", &PoseEstimator::keypoints, py::return_value_policy::copy)
      .def("estimate_batch", &estimate_batch, py::arg("images"), py::arg("boxes"), py::arg("rgb"), py::arg("timeout"));
}

}  // namespace posekit_python
