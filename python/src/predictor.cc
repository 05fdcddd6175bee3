/// A detector, or none, and a pose estimator as one.
#include "posekit/predictor.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "arrays.h"
#include "device_image.h"
#include "interrupt.h"
#include "register.h"
#include "results.h"

namespace py = pybind11;
using namespace posekit;  // NOLINT(google-build-using-namespace): what is bound here

namespace posekit_python {
namespace {

/// @param boxes one entry for each image; none: the detector finds them
std::vector<BoundPrediction> predict_batch(const Predictor& predictor, const std::vector<AnyImage>& images,
                                           const std::vector<std::optional<Boxes>>& boxes, bool rgb, std::optional<double> timeout) {
  std::vector<std::optional<std::vector<Box>>> people;
  for (const auto& array : boxes) people.push_back(array ? std::optional(boxes_of(*array)) : std::nullopt);
  std::vector<PredictorInput> input;
  for (std::size_t i = 0; i < images.size(); ++i) input.push_back({.image = view_of(images[i], rgb), .boxes = people.at(i)});

  auto predictions = run_watched(timeout, [&](const RunControl& control) { return predictor.predict_batch(input, control); });
  const std::size_t keypoints = predictor.estimator().keypoints().size();
  std::vector<BoundPrediction> list;
  for (Prediction& prediction : predictions) list.push_back(bound(std::move(prediction), keypoints));
  return list;
}

}  // namespace

void register_predictor(py::module_& module) {
  py::class_<Predictor>(module, "Predictor", py::release_gil_before_calling_cpp_dtor())
      .def(py::init<std::shared_ptr<const PoseEstimator>, std::shared_ptr<const PersonDetector>>(), py::arg("estimator"),
           py::arg("detector"))
      .def("predict_batch", &predict_batch, py::arg("images"), py::arg("boxes"), py::arg("rgb"), py::arg("timeout"));
}

}  // namespace posekit_python
