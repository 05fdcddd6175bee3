/// A model's output on the host.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
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

/// Values of one channel of one person.
[[nodiscard]] constexpr std::size_t channel_size(const OutputTensor& tensor) noexcept {
  std::size_t count = 1;
  for (std::size_t i = 2; i < tensor.rank; ++i) count *= tensor.shape[i];
  return count;
}

/// The values of one channel of one person.
[[nodiscard]] inline std::span<const float> channel_of(const OutputTensor& tensor, std::size_t person, std::size_t channel) noexcept {
  const std::size_t size = channel_size(tensor);
  return {tensor.data + (person * tensor.shape[1] + channel) * size, size};
}

}  // namespace posekit::inline v0
