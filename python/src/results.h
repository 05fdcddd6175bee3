/// Results as plain tuples of arrays, which the package makes its classes of.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

#include "posekit/pose.h"

namespace posekit_python {

/// (code, message, keypoints (N, K, 2), scores (N, K), boxes (N, 5), box indices (N,), track ids (N,), [(box index, code, message)],
/// milliseconds (5,))
[[nodiscard]] pybind11::tuple tuple_of(const posekit::ImageResult& result, std::size_t keypoint_count);

/// The same tuple as a result. @throws posekit::Error invalid_argument if its arrays do not fit together
[[nodiscard]] posekit::ImageResult result_of(const pybind11::tuple& state);

/// Milliseconds of decode, detect, preprocess, inference, postprocess.
[[nodiscard]] pybind11::tuple tuple_of(const posekit::Timings& timings);

}  // namespace posekit_python
