/// The pose estimator.
#include "posekit/estimator.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <vector>

#include "arrays.h"
#include "device_image.h"
#include "interrupt.h"
#include "options.h"
#include "register.h"
#include "results.h"

namespace py = pybind11;
using namespace posekit;

namespace posekit_python {
namespace {

std::shared_ptr<PoseEstimator> make_estimator(const Model& model, std::shared_ptr<ThreadPool> executor, std::int64_t max_batch,
                                              std::optional<double> box_padding, std::vector<std::string> keypoints, bool flip_test) {
  EstimatorOptions options{.executor = watched(std::move(executor)),
                           .max_batch = count_of("max_batch", max_batch),
                           .box_padding = box_padding,
                           .keypoints = std::move(keypoints),
                           .flip_test = flip_test};
  const py::gil_scoped_release release;
  return std::make_shared<PoseEstimator>(model, std::move(options));
}

py::list estimate_batch(const PoseEstimator& estimator, const std::vector<AnyImage>& images, const std::vector<Boxes>& boxes, bool rgb,
                        std::optional<double> timeout) {
  std::vector<std::vector<Box>> people;
  for (const Boxes& array : boxes) people.push_back(boxes_of(array));
  std::vector<ImageBoxes> input;
  for (std::size_t i = 0; i < images.size(); ++i) input.push_back({view_of(images[i], rgb), people.at(i)});

  const auto results = run_watched(timeout, [&](const RunControl& control) { return estimator.estimate_batch(input, control); });
  py::list list;
  for (const ImageResult& result : results) list.append(tuple_of(result, estimator.keypoints().size()));
  return list;
}

}  // namespace

void register_estimator(py::module_& module) {
  py::class_<PoseEstimator, std::shared_ptr<PoseEstimator>>(module, "PoseEstimator", py::release_gil_before_calling_cpp_dtor())
      .def(py::init(&make_estimator), py::arg("model"), py::kw_only(), py::arg("executor"), py::arg("max_batch"), py::arg("box_padding"),
           py::arg("keypoints"), py::arg("flip_test"))
      .def_property_readonly("info", &PoseEstimator::info, py::return_value_policy::copy)
      .def_property_readonly("keypoints", &PoseEstimator::keypoints, py::return_value_policy::copy)
      .def("estimate_batch", &estimate_batch, py::arg("images"), py::arg("boxes"), py::arg("rgb"), py::arg("timeout"));
}

}  // namespace posekit_python
