/// Runs a loaded TorchScript module on the CPU or a CUDA device.
#include "inference/torchscript/backend.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "execution/turns.h"
#include "inference/torchscript/errors.h"
#include "inference/torchscript/runtime.h"

#ifdef POSEKIT_CUDA
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace posekit::inline v0 {
namespace {

/// Whether a forward may write to the memory of its input; "may" counts as "does".
bool writes_to_its_input(const torch::jit::Module& module) {
  try {
    const auto graph = module.get_method("forward").graph()->copy();
    torch::jit::Inline(*graph);
    return torch::jit::AliasDb(graph).hasWriters(graph->inputs().at(1));
  } catch (const std::exception&) {
    return true;
  }
}

std::string failure_in(const std::string& name, c10::ScalarType type) {
  const std::string failure = "model \"" + name + "\" failed";
  if (type == c10::ScalarType::Float) return failure;
  return failure + " in " + (type == c10::ScalarType::Half ? "fp16" : "bf16") + " (if it runs in fp32, use that)";
}

class TorchScriptBackend final : public ModelBackend {
 public:
  TorchScriptBackend(torch::jit::Module module, ModelInfo info, c10::Device device, c10::ScalarType type)
      : module_(std::move(module)),
        info_(std::move(info)),
        device_(device),
        type_(type),
        device_name_(posekit::device_name(device)),
        failure_(failure_in(info_.name, type)),
        writes_to_its_input_(writes_to_its_input(module_)) {
    if (!device_.is_cpu()) {
      const auto on_device = at::TensorOptions().dtype(c10::ScalarType::Float).device(device_);
      mean_ = at::tensor(c10::ArrayRef<double>(info_.input.mean.data(), 3)).to(on_device).view({1, 3, 1, 1});
      std_ = at::tensor(c10::ArrayRef<double>(info_.input.std.data(), 3)).to(on_device).view({1, 3, 1, 1});
    }
#ifdef POSEKIT_CUDA
    if (device_.is_cuda()) {
      // Loading and freezing worked on the default stream, which the stream of the forwards does not wait for.
      const c10::cuda::CUDAGuard guard(device_);
      c10::cuda::device_synchronize();
    }
#endif
  }

  const ModelInfo& info() const noexcept override { return info_; }
  const std::string& device() const noexcept override { return device_name_; }
  CropFormat crop_format() const noexcept override { return device_.is_cpu() ? CropFormat::float_chw : CropFormat::uint8_hwc; }

  ModelOutput run(const CropBatch& crops, const RunControl& control) override;

 private:
  at::Tensor input_of(const CropBatch& crops) const;
  ModelOutput forward(const CropBatch& crops);

  torch::jit::Module module_;
  ModelInfo info_;
  c10::Device device_;
  c10::ScalarType type_;
  std::string device_name_;
  std::string failure_;  ///< Begins the message when a forward throws.
  bool writes_to_its_input_;
  at::Tensor mean_;  ///< On a device only.
  at::Tensor std_;
  Turns turns_;  ///< On a device one batch at a time.
#ifdef POSEKIT_CUDA
  std::optional<c10::cuda::CUDAStream> stream_ =
      device_.is_cuda() ? std::optional(c10::cuda::getStreamFromPool(false, device_.index())) : std::nullopt;
#endif
};

Error no_output(const ModelInfo& info, const std::string& found) {
  return {ErrorCode::invalid_model, "model \"" + info.name + "\" gives " + found +
                                        ", a tensor or a tuple of tensors is expected: export it so that forward returns its outputs"};
}

std::vector<at::Tensor> tensors_of(const c10::IValue& value, const ModelInfo& info) {
  if (value.isTensor()) return {value.toTensor()};
  if (value.isTensorList()) return value.toTensorVector();
  std::vector<at::Tensor> tensors;
  const auto add_all = [&](const auto& elements) {
    for (const c10::IValue& element : elements) {
      if (!element.isTensor()) throw no_output(info, "a tuple that holds a " + element.tagKind());
      tensors.push_back(element.toTensor());
    }
  };
  if (value.isTuple()) {
    add_all(value.toTupleRef().elements());
  } else if (value.isList()) {
    add_all(value.toListRef());
  } else {
    throw no_output(info, value.isNone() ? "nothing (None)" : "a " + value.tagKind());
  }
  return tensors;
}

/// Only a detector's labels may be whole numbers: heatmaps and coordinates in integers are a mistake of the export.
void check_type(const at::Tensor& tensor, std::size_t position, const ModelInfo& info) {
  const bool is_labels = info.task == Task::detect && position == 2;
  if (at::isFloatingType(tensor.scalar_type()) || is_labels) return;
  throw Error(ErrorCode::invalid_model, "model \"" + info.name + "\" gives values of type " + c10::toString(tensor.scalar_type()) +
                                            ", floating point is expected: convert the output in the exported network");
}

ModelOutput host_output(const c10::IValue& value, const at::Tensor& input, const ModelInfo& info, std::size_t batch) {
  auto tensors = std::make_shared<std::vector<at::Tensor>>(tensors_of(value, info));
  // A detector made for one image leaves the leading B away.
  const bool without_batch = info.task == Task::detect && batch == 1 && !tensors->empty() && tensors->front().dim() == 2;
  ModelOutput output;
  for (std::size_t i = 0; i < tensors->size(); ++i) {
    at::Tensor& tensor = (*tensors)[i];
    check_type(tensor, i, info);
    tensor = tensor.to(c10::kCPU, c10::ScalarType::Float).contiguous();
    if (tensor.is_alias_of(input)) tensor = tensor.clone();  // the input's memory is only borrowed
    if (without_batch) tensor = tensor.unsqueeze(0);
    OutputTensor view{.data = tensor.const_data_ptr<float>(), .shape = {}, .rank = static_cast<std::size_t>(tensor.dim())};
    if (view.rank > view.shape.size()) throw no_output(info, "a tensor of " + std::to_string(view.rank) + " dimensions");
    for (std::size_t d = 0; d < view.rank; ++d) view.shape[d] = static_cast<std::size_t>(tensor.size(static_cast<std::int64_t>(d)));
    output.tensors.push_back(view);
  }
  output.owner = std::move(tensors);
  return output;
}

ModelOutput TorchScriptBackend::run(const CropBatch& crops, const RunControl& control) {
  control.check();
  init_torch_thread();
  std::optional<Turns::Turn> turn;
  if (!device_.is_cpu()) turn.emplace(turns_, control);
  return translate(failure_, ErrorCode::invalid_model, [&] { return forward(crops); });
}

ModelOutput TorchScriptBackend::forward(const CropBatch& crops) {
  const c10::InferenceMode inference;
#ifdef POSEKIT_CUDA
  std::optional<c10::cuda::CUDAGuard> device_guard;
  std::optional<c10::cuda::CUDAStreamGuard> stream_guard;
  if (stream_) {
    device_guard.emplace(device_);
    stream_guard.emplace(*stream_);
  }
#endif
  torch::jit::Module module = module_;  // a handle of this call's own
  const at::Tensor input = input_of(crops);
  ModelOutput output = host_output(module.forward({input}), input, info_, crops.count);
  check_output(info_, output, crops.count);
  return output;
}

at::Tensor TorchScriptBackend::input_of(const CropBatch& crops) const {
  // from_blob borrows, and Torch has no constant tensors: a network that writes to its input gets a copy.
  void* data = const_cast<std::byte*>(crops.data);
  const auto batch = static_cast<std::int64_t>(crops.count);
  if (crop_format() == CropFormat::float_chw) {
    const at::Tensor input = at::from_blob(data, {batch, 3, info_.input.height, info_.input.width}, c10::ScalarType::Float);
    return input.to(type_, false, writes_to_its_input_);
  }
  const at::Tensor bytes = at::from_blob(data, {batch, info_.input.height, info_.input.width, 3}, c10::ScalarType::Byte);
  return bytes.to(device_).permute({0, 3, 1, 2}).to(c10::ScalarType::Float).sub_(mean_).div_(std_).to(type_).contiguous();
}

}  // namespace

std::shared_ptr<ModelBackend> make_torchscript_backend(torch::jit::Module module, ModelInfo info, c10::Device device,
                                                       c10::ScalarType type) {
  return std::make_shared<TorchScriptBackend>(std::move(module), std::move(info), device, type);
}

}  // namespace posekit::inline v0
