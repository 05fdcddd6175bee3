/// Results as plain tuples of arrays, which the package makes its classes of.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

#include "posekit/pose.h"

namespace posekit_python {

/// (code, message, keypoints (N, K, 2), scores (N, K), boxes (N, 5), box indices (N,), [(box index, code, message)], milliseconds (5,))
[[nodiscard]] pybind11::tuple tuple_of(const posekit::ImageResult& result, std::size_t keypoint_count);

/// Milliseconds of decode, detect, preprocess, inference, postprocess.
[[nodiscard]] pybind11::tuple tuple_of(const posekit::Timings& timings);

}  // namespace posekit_python
