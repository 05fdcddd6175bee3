/// What a model takes of its device's memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace posekit::inline v0 {

/// Measures one model on one device. Only for the thread that made it.
class MemoryMeter {
 public:
  MemoryMeter() = default;
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;
  virtual ~MemoryMeter() = default;

  /// Bytes of the model's weights.
  [[nodiscard]] virtual std::uint64_t weights() const = 0;
  /// The most bytes of the device's memory that this thread holds at once while `work` runs, above those that it held before. Memory that
  /// kernels take without the allocators does not count.
  [[nodiscard]] virtual std::uint64_t peak_of(const std::function<void()>& work) = 0;
  /// Bytes that the process can still take of the device: free in it and within limits, or kept for reuse. None: the system does not
  /// report it.
  [[nodiscard]] virtual std::optional<std::uint64_t> available() const = 0;
};

}  // namespace posekit::inline v0
