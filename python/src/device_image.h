/// Images that lie on a CUDA device.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <variant>
#include <vector>

#include "posekit/image.h"

namespace posekit_python {

/// Pixels on a CUDA device, borrowed from another library's object, which is kept meanwhile.
struct DeviceImage {
  pybind11::object owner;
  const std::uint8_t* data = nullptr;
  std::vector<pybind11::ssize_t> shape;
  std::vector<pybind11::ssize_t> strides;  ///< Bytes.
  int device = 0;
  std::uintptr_t stream = 0;  ///< A cudaStream_t: who writes the pixels.

  /// @throws posekit::Error invalid_argument as view_of of an array
  [[nodiscard]] posekit::ImageView view(bool rgb) const;
};

/// An image in the CPU's memory or on a CUDA device.
using AnyImage = std::variant<pybind11::array, DeviceImage>;

/// A view of it, without a copy. The image must outlive it.
/// @throws posekit::Error invalid_argument as view_of of an array
[[nodiscard]] posekit::ImageView view_of(const AnyImage& image, bool rgb);

}  // namespace posekit_python
