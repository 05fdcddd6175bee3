/// A backend that works as one on a device does.
#pragma once

#include <memory>
#include <utility>

#include "backend/model_backend.h"
#include "support/torch_internals.h"

namespace posekit_test {

/// A model of lib/torch that runs on the CPU with a device's sessions: everything that a device does, without CUDA. Named as a CUDA device,
/// it treats pointers to the host as pointers to that device.
class BySessions final : public posekit::ModelBackend {
 public:
  explicit BySessions(std::shared_ptr<posekit::ModelBackend> backend) : BySessions(backend, backend->devices().front()) {}
  BySessions(std::shared_ptr<posekit::ModelBackend> backend, posekit::Device device) : backend_(std::move(backend)), device_(device) {}
  const posekit::ModelInfo& info() const noexcept override { return backend_->info(); }
  std::span<const posekit::Device> devices() const noexcept override { return {&device_, 1}; }
  posekit::CropFormat crop_format() const noexcept override { return posekit::CropFormat::uint8_hwc; }
  std::size_t max_batch() const noexcept override { return backend_->max_batch(); }
  std::unique_ptr<posekit::BatchSession> open_session(const posekit::DecodeRequest& request) override {
    return open_device_session_of(*backend_, request);
  }
  void release_cached() noexcept override { backend_->release_cached(); }
  std::unique_ptr<posekit::MemoryMeter> memory() override { return backend_->memory(); }

 private:
  std::shared_ptr<posekit::ModelBackend> backend_;
  posekit::Device device_;
};

}  // namespace posekit_test
