/// A network on one device.
#pragma once

#include <c10/core/ScalarType.h>

#include <memory>

#include "backend/model_backend.h"
#include "torch/device_session.h"

namespace posekit::inline v0 {

/// Runs a program on the CPU, on the thread that collects, or on a CUDA device beside it.
class TorchBackend final : public ModelBackend {
 public:
  /// @param program on the device, in the type
  TorchBackend(std::shared_ptr<const Program> program, const ModelInfo& info, Device device, c10::ScalarType type, std::size_t max_batch);

  const ModelInfo& info() const noexcept override { return replica_.network.info(); }
  std::span<const Device> devices() const noexcept override { return {&device_, 1}; }
  CropFormat crop_format() const noexcept override { return on_cpu() ? CropFormat::float_chw : CropFormat::uint8_hwc; }
  std::size_t max_batch() const noexcept override { return max_batch_; }
  bool is_fused() const noexcept override { return replica_.network.is_fused(); }
  std::unique_ptr<BatchSession> open_session(const DecodeRequest& request) override;
  void release_cached() noexcept override;
  std::unique_ptr<MemoryMeter> memory() override;

  /// For tests that run a device's way on the CPU.
  Replica& replica() noexcept { return replica_; }

 private:
  Device device_;
  std::size_t max_batch_;
  Replica replica_;
};

}  // namespace posekit::inline v0
