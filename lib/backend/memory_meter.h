/// What a model takes of its device's memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace posekit::inline v0 {

/// Measures one model on one device. For the thread that made it alone.
class MemoryMeter {
 public:
  MemoryMeter() = default;
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;
  virtual ~MemoryMeter() = default;

  /// Bytes of the model's weights.
  [[nodiscard]] virtual std::uint64_t weights() const = 0;
  /// How many bytes more than before this thread takes of the device at once while `work` runs. Memory that kernels take past the
  /// allocators is not seen.
  [[nodiscard]] virtual std::uint64_t peak_of(const std::function<void()>& work) = 0;
  /// Bytes that the process can still take of the device: free in it and within limits, or kept for reuse. Nothing: the system does not
  /// say.
  [[nodiscard]] virtual std::optional<std::uint64_t> available() const = 0;
};

}  // namespace posekit::inline v0
