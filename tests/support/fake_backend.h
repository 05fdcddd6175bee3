/// A backend whose output a test scripts.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "backend/model_backend.h"

namespace posekit_test {

/// Answers every run by a function of the crops; the output's memory is owned by the output.
class FakeBackend final : public posekit::ModelBackend {
 public:
  struct Tensor {
    std::vector<std::size_t> shape;
    std::vector<float> values;
  };
  using Answer = std::function<std::vector<Tensor>(const posekit::CropBatch&)>;

  FakeBackend(posekit::ModelInfo info, Answer answer, posekit::CropFormat format = posekit::CropFormat::uint8_hwc)
      : info_(std::move(info)), answer_(std::move(answer)), format_(format) {}

  const posekit::ModelInfo& info() const noexcept override { return info_; }
  const std::string& device() const noexcept override { return device_; }
  posekit::CropFormat crop_format() const noexcept override { return format_; }

  posekit::ModelOutput run(const posekit::CropBatch& crops, const posekit::RunControl& control) override {
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
  posekit::ModelInfo info_;
  std::string device_ = "cpu";
  Answer answer_;
  posekit::CropFormat format_;
  mutable std::mutex mutex_;
  std::vector<std::size_t> batches_;
};

}  // namespace posekit_test
