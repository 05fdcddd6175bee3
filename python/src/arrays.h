/// NumPy arrays as images and boxes, and back.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "posekit/geometry.h"
#include "posekit/image.h"

namespace posekit_python {

template <class T>
using CArray = pybind11::array_t<T, pybind11::array::c_style | pybind11::array::forcecast>;

/// Boxes as they come from Python: float64 (N, 5).
using Boxes = pybind11::array_t<double, pybind11::array::c_style>;

/// Throws posekit::Error invalid_argument.
[[noreturn]] void refuse(const std::string& message);

/// A view of pixels of shape (H, W), (H, W, 3) or (H, W, 4) that follow each other in a row; rows are any distance >= 0 apart.
/// @param strides in bytes
/// @param rgb order of the colours: RGB(A), else BGR(A)
/// @throws posekit::Error invalid_argument for anything else
[[nodiscard]] posekit::ImageView view_of(const std::uint8_t* data, std::span<const pybind11::ssize_t> shape,
                                         std::span<const pybind11::ssize_t> strides, bool rgb);

/// The same of an array of uint8, without a copy. The array must outlive it.
[[nodiscard]] posekit::ImageView view_of(const pybind11::array& pixels, bool rgb);

/// An array (H, W, C) that owns the image's pixels.
[[nodiscard]] pybind11::array array_of(posekit::Image image);

/// The boxes of an array of float64 (N, 5): x1, y1, x2, y2, score.
/// @throws posekit::Error invalid_argument for any other shape
[[nodiscard]] std::vector<posekit::Box> boxes_of(const Boxes& boxes);

/// The boxes as an array of float64 (N, 5).
[[nodiscard]] pybind11::array_t<double> array_of(const std::vector<posekit::Box>& boxes);

}  // namespace posekit_python
