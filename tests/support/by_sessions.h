/// A backend that works as one on a device does.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "backend/model_backend.h"

namespace posekit_test {

/// A backend whose sessions are used although it runs on the CPU: all of a device's way but CUDA itself. Named as a CUDA device, it takes
/// pointers to the host for pointers to that device.
class BySessions final : public posekit::ModelBackend {
 public:
  explicit BySessions(std::shared_ptr<posekit::ModelBackend> backend, std::string device = {})
      : backend_(std::move(backend)), device_(device.empty() ? backend_->device() : std::move(device)) {}
  const posekit::ModelInfo& info() const noexcept override { return backend_->info(); }
  const std::string& device() const noexcept override { return device_; }
  posekit::CropFormat crop_format() const noexcept override { return posekit::CropFormat::uint8_hwc; }
  posekit::ModelOutput run(const posekit::CropBatch& crops, const posekit::RunControl& control) override {
    return backend_->run(crops, control);
  }
  bool asynchronous() const noexcept override { return true; }
  std::unique_ptr<posekit::BatchSession> open_session(const posekit::DecodeRequest& plan) override { return backend_->open_session(plan); }

 private:
  std::shared_ptr<posekit::ModelBackend> backend_;
  std::string device_;
};

}  // namespace posekit_test
