/// Runs a loaded TorchScript module on the CPU or a CUDA device.
#include "torch/backend.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "torch/errors.h"
#include "torch/runtime.h"
#include "torch/session.h"

namespace posekit::inline v0 {
namespace {

class TorchScriptBackend final : public ModelBackend {
 public:
  TorchScriptBackend(torch::jit::Module module, ModelInfo info, c10::Device device, c10::ScalarType type)
      : replica_(std::move(module), std::move(info), device, type), device_name_(posekit::device_name(device)) {}

  const ModelInfo& info() const noexcept override { return replica_.network.info(); }
  const std::string& device() const noexcept override { return device_name_; }
  CropFormat crop_format() const noexcept override { return asynchronous() ? CropFormat::uint8_hwc : CropFormat::float_chw; }
  bool asynchronous() const noexcept override { return !replica_.network.device().is_cpu(); }

  bool lost() const noexcept override { return replica_.streams.lost(); }
  ModelOutput run(const CropBatch& crops, const RunControl& control) override;
  std::unique_ptr<BatchSession> open_session(const DecodeRequest& request) override { return open_torch_session(replica_, request); }

 private:
  ModelOutput forward(const CropBatch& crops) const;
  at::Tensor input_of(const CropBatch& crops) const;

  Replica replica_;
  std::string device_name_;
};

ModelOutput TorchScriptBackend::run(const CropBatch& crops, const RunControl& control) {
  control.check();
  init_torch_thread();
  std::optional<FifoLock> lock;
  if (asynchronous()) lock.emplace(replica_.order, control);
  return translate(replica_.network.failure(), ErrorCode::invalid_model, [&] { return forward(crops); });
}

ModelOutput TorchScriptBackend::forward(const CropBatch& crops) const {
  const c10::InferenceMode inference;
  const StreamGuard guard(replica_.streams, StreamRole::compute);
  const at::Tensor input = input_of(crops);
  auto tensors = std::make_shared<std::vector<at::Tensor>>(replica_.network.forward(input));
  for (at::Tensor& tensor : *tensors) {
    tensor = tensor.to(c10::kCPU, c10::ScalarType::Float).contiguous();
    if (tensor.is_alias_of(input)) tensor = tensor.clone();  // the input's memory is only borrowed
  }
  return view_of(*tensors, info(), tensors);
}

at::Tensor TorchScriptBackend::input_of(const CropBatch& crops) const {
  if (!asynchronous()) return replica_.network.input_of(crops.data, crops.count);
  const InputInfo& input = info().input;
  const at::Tensor bytes = at::from_blob(const_cast<std::byte*>(crops.data),
                                         {static_cast<std::int64_t>(crops.count), input.height, input.width, 3}, c10::ScalarType::Byte);
  return replica_.network.normalized(bytes.to(replica_.network.device()));
}

}  // namespace

std::shared_ptr<ModelBackend> make_torchscript_backend(torch::jit::Module module, ModelInfo info, c10::Device device,
                                                       c10::ScalarType type) {
  return std::make_shared<TorchScriptBackend>(std::move(module), std::move(info), device, type);
}

}  // namespace posekit::inline v0
