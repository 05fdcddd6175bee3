/// Results as Python classes, and as JSON and COCO entries.
#include "results.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "errors.h"
#include "gil.h"
#include "posekit/detector.h"
#include "posekit/result_io.h"
#include "register.h"

namespace py = pybind11;
using namespace posekit;  // NOLINT(google-build-using-namespace): what is bound here

namespace posekit_python {
namespace {

/// An array of one row for each pose.
/// @param row the shape of a row
/// @param write called as write(pose, put) for each pose: calls put(value) for each value of the row
template <class T, class Write>
py::array_t<T> rows(const BoundResult& self, const std::vector<py::ssize_t>& row, Write write) {
  std::vector<py::ssize_t> shape{static_cast<py::ssize_t>(self.result.poses.size())};
  shape.insert(shape.end(), row.begin(), row.end());
  py::array_t<T> array(shape);
  T* out = array.mutable_data();
  for (const Pose& pose : self.result.poses) write(pose, [&out](T value) { *out++ = value; });
  return array;
}

py::array_t<float> keypoints_of(const BoundResult& self) {
  return rows<float>(self, {static_cast<py::ssize_t>(self.keypoint_count), 2}, [](const Pose& pose, auto put) {
    for (const Keypoint& keypoint : pose.keypoints) {
      put(keypoint.x);
      put(keypoint.y);
    }
  });
}

py::array_t<float> scores_of(const BoundResult& self) {
  return rows<float>(self, {static_cast<py::ssize_t>(self.keypoint_count)}, [](const Pose& pose, auto put) {
    for (const Keypoint& keypoint : pose.keypoints) put(keypoint.score);
  });
}

py::array_t<double> pose_boxes_of(const BoundResult& self) {
  return rows<double>(self, {4}, [](const Pose& pose, auto put) {
    for (const double side : {pose.box.x1, pose.box.y1, pose.box.x2, pose.box.y2}) put(side);
  });
}

py::array_t<float> box_scores_of(const BoundResult& self) {
  return rows<float>(self, {}, [](const Pose& pose, auto put) { put(pose.box.score); });
}

py::array_t<std::int64_t> box_indices_of(const BoundResult& self) {
  return rows<std::int64_t>(self, {}, [](const Pose& pose, auto put) { put(static_cast<std::int64_t>(pose.box_index)); });
}

py::array_t<std::int64_t> track_ids_of(const BoundResult& self) {
  return rows<std::int64_t>(self, {}, [](const Pose& pose, auto put) { put(pose.track_id.value_or(0)); });
}

template <class... Lengths>
bool has_shape(const py::array& array, Lengths... lengths) {
  const std::vector<py::ssize_t> shape{lengths...};
  return std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()) == shape;
}

/// A result from the arrays of Python's.
BoundResult make_result(int code, std::string message, const CArray<float>& keypoints, const CArray<float>& scores,
                        const CArray<double>& boxes, const CArray<float>& box_scores, const CArray<std::int64_t>& box_indices,
                        const std::optional<CArray<std::int64_t>>& track_ids, std::vector<BoxError> box_errors, const Timings& timings) {
  const py::ssize_t n = keypoints.ndim() == 3 ? keypoints.shape(0) : 0;
  const py::ssize_t k = keypoints.ndim() == 3 ? keypoints.shape(1) : 0;
  const bool fits = has_shape(keypoints, n, k, 2) && has_shape(scores, n, k) && has_shape(boxes, n, 4) && has_shape(box_scores, n) &&
                    has_shape(box_indices, n) && (!track_ids || has_shape(*track_ids, n));
  if (!fits) {
    throw Error(ErrorCode::invalid_argument,
                "the arrays of a result don't fit together: keypoints (N, K, 2), scores (N, K), boxes (N, 4), box_scores (N,), "
                "box_indices (N,) and track_ids (N,) are expected");
  }
  BoundResult made{.result = {.code = static_cast<ErrorCode>(code),
                              .message = std::move(message),
                              .poses = {},
                              .box_errors = std::move(box_errors),
                              .timings = timings},
                   .keypoint_count = static_cast<std::size_t>(k)};
  const auto xy = keypoints.unchecked<3>();
  const auto score = scores.unchecked<2>();
  const auto box = boxes.unchecked<2>();
  for (py::ssize_t i = 0; i < n; ++i) {
    Pose pose{.box = {box(i, 0), box(i, 1), box(i, 2), box(i, 3), box_scores.at(i)},
              .box_index = static_cast<std::size_t>(box_indices.at(i)),
              .keypoints = {},
              .track_id = std::nullopt};
    if (track_ids && track_ids->at(i) != 0) pose.track_id = track_ids->at(i);
    pose.keypoints.reserve(made.keypoint_count);
    for (py::ssize_t j = 0; j < k; ++j) pose.keypoints.push_back({xy(i, j, 0), xy(i, j, 1), score(i, j)});
    made.result.poses.push_back(std::move(pose));
  }
  return made;
}

std::string json_of(const BoundResult& result, const std::string& path, std::pair<int, int> size, std::optional<std::int64_t> frame,
                    std::optional<double> time_s, const KeypointSet& keypoints, const std::string& model_name) {
  const ResultSource source{.path = path, .size = {size.first, size.second}, .frame = frame, .time_s = time_s};
  return to_json(result.result, source, keypoints, model_name);
}

std::string coco_of(const BoundResult& result, const CocoImageId& image_id) { return "[" + to_coco_entries(result.result, image_id) + "]"; }

double oks(const CArray<float>& pose, const CArray<float>& labelled, const std::vector<double>& sigmas, double area) {
  const auto points = [](const CArray<float>& array) {
    if (array.ndim() != 2 || array.shape(1) != 3)
      throw Error(ErrorCode::invalid_argument,
                  "keypoints of shape " + py::str(array.attr("shape")).cast<std::string>() + " were given, (K, 3) is expected");
    std::vector<Keypoint> result;
    const auto values = array.unchecked<2>();
    for (py::ssize_t i = 0; i < values.shape(0); ++i) result.push_back({values(i, 0), values(i, 1), values(i, 2)});
    return result;
  };
  return object_keypoint_similarity(points(pose), points(labelled), sigmas, area);
}

/// A getter for a member that is a time: its milliseconds.
auto milliseconds(Milliseconds Timings::*member) {
  return [member](const Timings& timings) { return (timings.*member).count(); };
}

void register_parts_of_results(py::module_& module) {
  py::class_<BoxError>(module, "BoxError", "A box that could not be used.")
      .def(py::init([](std::size_t box_index, int code, std::string message) {
             return BoxError{box_index, static_cast<ErrorCode>(code), std::move(message)};
           }),
           py::arg("box_index"), py::arg("code"), py::arg("message"))
      .def_readonly("box_index", &BoxError::box_index)
      .def_property_readonly("code", [](const BoxError& error) { return static_cast<int>(error.code); })
      .def_property_readonly("message", [](const BoxError& error) { return text_of(error.message); });
  py::class_<Timings>(module, "Timings", "Milliseconds of an image's stages.")
      .def(py::init([](double decode, double detect, double preprocess, double inference, double postprocess) {
             return Timings{.decode = Milliseconds(decode),
                            .detect = Milliseconds(detect),
                            .preprocess = Milliseconds(preprocess),
                            .inference = Milliseconds(inference),
                            .postprocess = Milliseconds(postprocess)};
           }),
           py::kw_only(), py::arg("decode"), py::arg("detect"), py::arg("preprocess"), py::arg("inference"), py::arg("postprocess"))
      .def_property_readonly("decode", milliseconds(&Timings::decode))
      .def_property_readonly("detect", milliseconds(&Timings::detect))
      .def_property_readonly("preprocess", milliseconds(&Timings::preprocess))
      .def_property_readonly("inference", milliseconds(&Timings::inference))
      .def_property_readonly("postprocess", milliseconds(&Timings::postprocess));
}

void register_image_result(py::module_& module) {
  py::class_<BoundResult>(module, "ImageResult", "One image's result. Immutable; each array is made when it is asked for.")
      .def(py::init(&make_result), py::kw_only(), py::arg("code"), py::arg("message"), py::arg("keypoints"), py::arg("scores"),
           py::arg("boxes"), py::arg("box_scores"), py::arg("box_indices"), py::arg("track_ids"), py::arg("box_errors"), py::arg("timings"))
      .def_property_readonly("code", [](const BoundResult& self) { return static_cast<int>(self.result.code); })
      .def_property_readonly("message", [](const BoundResult& self) { return text_of(self.result.message); })
      .def_property_readonly("keypoints", &keypoints_of, "(N, K, 2)")
      .def_property_readonly("scores", &scores_of, "(N, K)")
      .def_property_readonly("boxes", &pose_boxes_of, "(N, 4)")
      .def_property_readonly("box_scores", &box_scores_of, "(N,)")
      .def_property_readonly("box_indices", &box_indices_of, "(N,)")
      .def_property_readonly("track_ids", &track_ids_of, "(N,), 0 for none")
      .def_property_readonly("box_errors", [](const BoundResult& self) { return self.result.box_errors; })
      .def_property_readonly("timings", [](const BoundResult& self) { return self.result.timings; });
  py::class_<BoundPrediction, std::shared_ptr<BoundPrediction>>(module, "Prediction", "What was found in one image. Immutable.")
      .def_property_readonly(
          "boxes", [](const BoundPrediction& self) { return array_of(self.boxes); }, "(N, 5)")
      .def_readonly("detected", &BoundPrediction::detected)
      .def_readonly("result", &BoundPrediction::result);
  py::class_<DetectionResult>(module, "DetectionResult", "What a detector found in one image. Immutable.")
      .def_property_readonly("code", [](const DetectionResult& self) { return static_cast<int>(self.code); })
      .def_property_readonly("message", [](const DetectionResult& self) { return text_of(self.message); })
      .def_property_readonly(
          "boxes", [](const DetectionResult& self) { return array_of(self.boxes); }, "(N, 5)")
      .def_property_readonly("timings", [](const DetectionResult& self) { return self.timings; });
}

}  // namespace

BoundPrediction bound(Prediction prediction, std::size_t keypoint_count) {
  return {.boxes = std::move(prediction.boxes),
          .detected = prediction.detected,
          .result = {.result = std::move(prediction.result), .keypoint_count = keypoint_count}};
}

void register_results(py::module_& module) {
  register_parts_of_results(module);
  register_image_result(module);
  module.def("to_json", &json_of, py::arg("result"), py::arg("path"), py::arg("image_size"), py::arg("frame"), py::arg("time_s"),
             py::arg("keypoints"), py::arg("model_name"), py::call_guard<GilRelease>());
  module.def("to_coco_entries", &coco_of, py::arg("result"), py::arg("image_id"), py::call_guard<GilRelease>());
  module.def("object_keypoint_similarity", &oks, py::arg("pose"), py::arg("labelled"), py::arg("sigmas"), py::arg("area"),
             "Object keypoint similarity of a pose (K, 3) with a labelled one (K, 3: x, y, visibility): COCO's formula.\n\n"
             "Only labelled points (visibility > 0) count. Returns 0 to 1; 0 if no point is labelled.\n\n"
             "Raises InvalidArgumentError if the three lengths differ.");
}

}  // namespace posekit_python
