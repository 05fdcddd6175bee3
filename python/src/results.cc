/// Results as plain tuples of arrays, and these as JSON and COCO entries.
#include "results.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "arrays.h"
#include "posekit/result_io.h"
#include "register.h"

namespace py = pybind11;
using namespace posekit;

namespace posekit_python {
namespace {

Timings timings_of(const py::tuple& ms) {
  const auto at = [&](std::size_t i) { return Milliseconds(ms[i].cast<double>()); };
  return {.decode = at(0), .detect = at(1), .preprocess = at(2), .inference = at(3), .postprocess = at(4)};
}

}  // namespace

ImageResult result_of(const py::tuple& state) {
  ImageResult result{.code = static_cast<ErrorCode>(state[0].cast<int>()),
                     .message = state[1].cast<std::string>(),
                     .poses = poses_of(state[2].cast<CArray<float>>(), state[3].cast<CArray<float>>(), state[4].cast<CArray<double>>(),
                                       state[5].cast<CArray<std::int64_t>>(), state[6].cast<CArray<std::int64_t>>()),
                     .box_errors = {},
                     .timings = timings_of(state[8])};
  for (const py::handle error : state[7]) {
    const auto [index, code, message] = error.cast<std::tuple<std::size_t, int, std::string>>();
    result.box_errors.push_back({index, static_cast<ErrorCode>(code), message});
  }
  return result;
}

namespace {

std::string json_of(const py::tuple& state, const std::string& path, int width, int height, const KeypointSet& keypoints,
                    const std::string& model_name) {
  const ImageResult result = result_of(state);
  const py::gil_scoped_release release;
  return to_json(result, {.path = path, .size = {width, height}, .frame = std::nullopt, .time_s = std::nullopt}, keypoints, model_name);
}

std::string coco_of(const py::tuple& state, const CocoImageId& image_id) {
  const ImageResult result = result_of(state);
  const py::gil_scoped_release release;
  return "[" + to_coco_entries(result, image_id) + "]";
}

double oks(const CArray<float>& pose, const CArray<float>& labelled, const std::vector<double>& sigmas, double area) {
  const auto points = [](const CArray<float>& array) {
    if (array.ndim() != 2 || array.shape(1) != 3) throw Error(ErrorCode::invalid_argument, "keypoints of shape (K, 3) are expected");
    std::vector<Keypoint> result;
    const auto values = array.unchecked<2>();
    for (py::ssize_t i = 0; i < values.shape(0); ++i) result.push_back({values(i, 0), values(i, 1), values(i, 2)});
    return result;
  };
  return object_keypoint_similarity(points(pose), points(labelled), sigmas, area);
}

}  // namespace

py::tuple tuple_of(const Timings& timings) {
  return py::make_tuple(timings.decode.count(), timings.detect.count(), timings.preprocess.count(), timings.inference.count(),
                        timings.postprocess.count());
}

py::tuple tuple_of(const ImageResult& result, std::size_t keypoint_count) {
  const auto n = static_cast<py::ssize_t>(result.poses.size());
  const auto k = static_cast<py::ssize_t>(keypoint_count);
  py::array_t<float> keypoints({n, k, py::ssize_t{2}});
  py::array_t<float> scores({n, k});
  py::array_t<std::int64_t> indices(n);
  py::array_t<std::int64_t> track_ids(n);
  std::vector<Box> boxes;
  float* xy = keypoints.mutable_data();
  float* score = scores.mutable_data();
  std::int64_t* index = indices.mutable_data();
  std::int64_t* track_id = track_ids.mutable_data();
  for (const Pose& pose : result.poses) {
    boxes.push_back(pose.box);
    *index++ = static_cast<std::int64_t>(pose.box_index);
    *track_id++ = pose.track_id.value_or(0);
    for (const Keypoint& keypoint : pose.keypoints) {
      *xy++ = keypoint.x;
      *xy++ = keypoint.y;
      *score++ = keypoint.score;
    }
  }
  py::list errors;
  for (const BoxError& error : result.box_errors) {
    errors.append(py::make_tuple(error.box_index, static_cast<int>(error.code), error.message));
  }
  return py::make_tuple(static_cast<int>(result.code), result.message, keypoints, scores, array_of(boxes), indices, track_ids, errors,
                        tuple_of(result.timings));
}

void register_results(py::module_& module) {
  module.def("to_json", &json_of, py::arg("result"), py::arg("path"), py::arg("width"), py::arg("height"), py::arg("keypoints"),
             py::arg("model_name"));
  module.def("to_coco", &coco_of, py::arg("result"), py::arg("image_id"));
  module.def(
      "object_keypoint_similarity", &oks, py::arg("pose"), py::arg("labelled"), py::arg("sigmas"), py::arg("area"),
      "Object keypoint similarity of a pose (K, 3) with a labelled one (K, 3: x, y, visibility), COCO's formula, labelled points only.");
}

}  // namespace posekit_python
