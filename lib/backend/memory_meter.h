/// Counts what Torch takes of a device's memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace posekit::inline v0 {

/// While it lives, counts the tensors that its thread makes and frees on one device. Memory that kernels take past Torch's allocators is
/// not seen. For the thread that made it alone.
class MemoryMeter {
 public:
  /// @param device "auto", "cpu", "cuda" or "cuda:N" @throws Error invalid_argument, also for several devices; device_unavailable
  explicit MemoryMeter(const std::string& device);
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;
  ~MemoryMeter();

  /// Bytes taken since the meter was made.
  [[nodiscard]] std::uint64_t held() const noexcept;
  /// How many bytes more than before are taken at once while `work` runs.
  [[nodiscard]] std::uint64_t peak_of(const std::function<void()>& work);
  /// Bytes that the process can still take of the device: free in it and within limits, or kept by Torch for reuse. Nothing: nobody tells.
  [[nodiscard]] std::optional<std::uint64_t> available() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
