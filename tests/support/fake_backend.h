/// A backend whose output a test scripts.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "backend/model_backend.h"
#include "codec/flip.h"
#include "posekit/error.h"

namespace posekit_test {

/// A batch of crops without gaps, borrowed for one run.
struct CropBatch {
  const std::byte* data = nullptr;
  std::size_t count = 0;  ///< B >= 1
};

/// Runs batches when they are collected, as a model on the CPU does: one in flight. The flip test runs the mirror images too.
class HostLikeSession final : public posekit::BatchSession {
 public:
  using Run = std::function<posekit::ModelOutput(const CropBatch&, const posekit::RunControl&)>;

  HostLikeSession(const posekit::ModelBackend& backend, posekit::DecodeRequest request, Run run)
      : backend_(backend),
        request_(std::move(request)),
        run_(std::move(run)),
        crop_bytes_(posekit::crop_bytes(backend.crop_format(), backend.info().input.size())) {}

  std::size_t slot_count() const noexcept override { return 1; }

  std::byte* staging(std::size_t slot, std::size_t crops) override {
    std::vector<float>& memory = slots_[slot].memory;
    const std::size_t values = (crops * crop_bytes_ + sizeof(float) - 1) / sizeof(float);
    if (memory.size() < values) memory.resize(values);
    return bytes_of(memory);
  }

  void submit(std::size_t slot, std::size_t crops, const posekit::RunControl& control) override {
    control.check();
    slots_[slot].count = crops;
    slots_[slot].control = control;
  }

  posekit::BatchResult collect(std::size_t slot) override {
    Slot& batch = slots_[slot];
    const posekit::RunControl control = std::exchange(batch.control, {});
    posekit::BatchResult result;
    result.output = run_({bytes_of(batch.memory), batch.count}, control);
    if (!request_.flip_test) return result;
    std::vector<float> mirrored(batch.memory.size());
    for (std::size_t i = 0; i < batch.count; ++i) mirror(bytes_of(batch.memory) + i * crop_bytes_, bytes_of(mirrored) + i * crop_bytes_);
    const posekit::ModelOutput other = run_({bytes_of(mirrored), batch.count}, control);
    result.output = posekit::average_flipped(backend_.info(), result.output, other, request_.channels);
    return result;
  }

 private:
  struct Slot {
    std::vector<float> memory;
    std::size_t count = 0;
    posekit::RunControl control;
  };
  static std::byte* bytes_of(std::vector<float>& memory) { return reinterpret_cast<std::byte*>(memory.data()); }

  void mirror(const std::byte* from, std::byte* to) const {
    const posekit::Size size = backend_.info().input.size();
    if (backend_.crop_format() == posekit::CropFormat::float_chw) {
      posekit::mirror_crop(reinterpret_cast<const float*>(from), size, reinterpret_cast<float*>(to));
      return;
    }
    const auto width = static_cast<std::size_t>(size.width);
    for (std::size_t y = 0; y < static_cast<std::size_t>(size.height); ++y) {
      for (std::size_t x = 0; x < width; ++x) std::copy_n(from + (y * width + x) * 3, 3, to + (y * width + width - 1 - x) * 3);
    }
  }

  const posekit::ModelBackend& backend_;
  posekit::DecodeRequest request_;
  Run run_;
  std::size_t crop_bytes_;
  std::array<Slot, slots> slots_;
};

/// What most stand-ins have in common: one device, nothing kept, no memory to measure.
class StandIn : public posekit::ModelBackend {
 public:
  StandIn(posekit::ModelInfo info, posekit::Device device, posekit::CropFormat format)
      : info_(std::move(info)), device_(device), format_(format) {}
  const posekit::ModelInfo& info() const noexcept override { return info_; }
  std::span<const posekit::Device> devices() const noexcept override { return {&device_, 1}; }
  posekit::CropFormat crop_format() const noexcept override { return format_; }
  void release_cached() noexcept override {}
  std::unique_ptr<posekit::MemoryMeter> memory() override {
    throw posekit::Error(posekit::ErrorCode::internal, "a stand-in's memory is not measured");
  }

 private:
  posekit::ModelInfo info_;
  posekit::Device device_;
  posekit::CropFormat format_;
};

constexpr posekit::Device cuda_0{posekit::DeviceKind::cuda, 0};

/// Answers every run by a function of the crops; the output's memory is owned by the output.
class FakeBackend final : public StandIn {
 public:
  struct Tensor {
    std::vector<std::size_t> shape;
    std::vector<float> values;
  };
  using Answer = std::function<std::vector<Tensor>(const CropBatch&)>;

  FakeBackend(posekit::ModelInfo info, Answer answer, posekit::CropFormat format = posekit::CropFormat::uint8_hwc)
      : StandIn(std::move(info), {}, format), answer_(std::move(answer)) {}

  std::unique_ptr<posekit::BatchSession> open_session(const posekit::DecodeRequest& request) override {
    return std::make_unique<HostLikeSession>(
        *this, request, [this](const CropBatch& crops, const posekit::RunControl& control) { return run(crops, control); });
  }

  posekit::ModelOutput run(const CropBatch& crops, const posekit::RunControl& control) {
    control.check();
    {
      const std::lock_guard lock(mutex_);
      batches_.push_back(crops.count);
    }
    auto tensors = std::make_shared<std::vector<Tensor>>(answer_(crops));
    posekit::ModelOutput output;
    for (const Tensor& tensor : *tensors) {
      posekit::OutputTensor view{.data = tensor.values.data(), .rank = tensor.shape.size()};
      std::copy(tensor.shape.begin(), tensor.shape.end(), view.shape.begin());
      output.tensors.push_back(view);
    }
    output.owner = std::move(tensors);
    return output;
  }

  /// Sizes of the batches so far, in order of their start.
  std::vector<std::size_t> batches() const {
    const std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  Answer answer_;
  mutable std::mutex mutex_;
  std::vector<std::size_t> batches_;
};

}  // namespace posekit_test
