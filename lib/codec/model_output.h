/// A model's output on the host.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace posekit::inline v0 {

/// One output tensor on the host: contiguous float32, row-major.
struct OutputTensor {
  const float* data = nullptr;
  std::array<std::size_t, 4> shape{};  ///< The first `rank` entries count; shape[0] = B.
  std::size_t rank = 0;
};

/// A model's output. `owner` keeps the tensors' memory.
struct ModelOutput {
  std::vector<OutputTensor> tensors;
  std::shared_ptr<const void> owner;
};

}  // namespace posekit::inline v0
