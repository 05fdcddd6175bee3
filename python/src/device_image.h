/// Images that lie on a CUDA device.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
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

}  // namespace posekit_python
