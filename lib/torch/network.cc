/// A loaded program with what belongs to it: its metadata, device and type.
#include "torch/network.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>

#include <utility>

#include "codec/output_check.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

std::string failure_in(const std::string& name, c10::ScalarType type, std::optional<Dtype> cast_from, Dtype exported_in) {
  const std::string failure = "model \"" + name + "\" failed";
  if (cast_from) {
    const std::string half(to_string(*cast_from));
    return failure + " (its weights are " + half + ": if it was exported in " + half + R"(, its metadata need "dtype": ")" + half + "\")";
  }
  if (type == c10::ScalarType::Float) return failure;
  const std::string half = type == c10::ScalarType::Half ? "fp16" : "bf16";
  if (exported_in != Dtype::fp32) return failure + R"( (its metadata have "dtype": ")" + half + "\", and it got that)";
  return failure + " in " + half + " (if it runs in fp32, use that)";
}

/// Only a detector's labels may be whole numbers: heatmaps and coordinates in integers are a mistake of the export.
void check_type(const at::Tensor& tensor, std::size_t position, const ModelInfo& info) {
  const bool is_labels = info.task() == Task::detect && position == 2;
  if (at::isFloatingType(tensor.scalar_type()) || is_labels) return;
  throw Error(ErrorCode::invalid_model, "model \"" + info.name + "\" gives values of type " + c10::toString(tensor.scalar_type()) +
                                            ", floating point is expected: convert the output in the exported network");
}

}  // namespace

Error no_output(const ModelInfo& info, const std::string& found) {
  return {ErrorCode::invalid_model, "model \"" + info.name + "\" gives " + found +
                                        ", a tensor or a tuple of tensors is expected: export it so that forward returns its outputs"};
}

Network::Network(std::shared_ptr<const Program> program, ModelInfo info, c10::Device device, c10::ScalarType type)
    : program_(std::move(program)),
      info_(std::move(info)),
      device_(device),
      type_(type),
      failure_(failure_in(info_.name, type, program_->cast_from(), info_.dtype)),
      writes_to_its_input_(program_->writes_to_its_input()) {
  const auto per_channel = [&](const std::array<double, 3>& values) {
    return at::tensor(c10::ArrayRef<double>(values.data(), 3)).to(c10::ScalarType::Float).view({1, 3, 1, 1}).to(device_);
  };
  mean_ = per_channel(info_.input.mean);
  std_ = per_channel(info_.input.std);
}

at::Tensor Network::input_of(const std::byte* crops, std::size_t count) const {
  // from_blob borrows, and Torch has no constant tensors: a network that writes to its input gets a copy.
  const at::Tensor input = at::from_blob(
      const_cast<std::byte*>(crops), {static_cast<std::int64_t>(count), 3, info_.input.height, info_.input.width}, c10::ScalarType::Float);
  return input.to(type_, false, writes_to_its_input_);
}

at::Tensor Network::normalized(const at::Tensor& crops) const {
  return crops.permute({0, 3, 1, 2}).sub(mean_).div_(std_).to(type_).contiguous();
}

std::vector<at::Tensor> Network::forward(const at::Tensor& input) const {
  std::vector<at::Tensor> tensors = program_->run(input, info_);
  // A detector made for one image leaves the leading B away.
  const bool without_batch = info_.task() == Task::detect && input.size(0) == 1 && !tensors.empty() && tensors.front().dim() == 2;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    check_type(tensors[i], i, info_);
    if (without_batch) tensors[i] = tensors[i].unsqueeze(0);
  }
  check_output(info_, view_of(tensors, info_, nullptr), static_cast<std::size_t>(input.size(0)));
  return tensors;
}

ModelOutput view_of(const std::vector<at::Tensor>& tensors, const ModelInfo& info, std::shared_ptr<const void> owner) {
  ModelOutput output;
  for (const at::Tensor& tensor : tensors) {
    OutputTensor view{.data = nullptr, .shape = {}, .rank = static_cast<std::size_t>(tensor.dim())};
    if (view.rank > view.shape.size()) throw no_output(info, "a tensor of " + std::to_string(view.rank) + " dimensions");
    for (std::size_t d = 0; d < view.rank; ++d) view.shape[d] = static_cast<std::size_t>(tensor.size(static_cast<std::int64_t>(d)));
    if (tensor.is_cpu() && tensor.scalar_type() == c10::ScalarType::Float) view.data = tensor.const_data_ptr<float>();
    output.tensors.push_back(view);
  }
  output.owner = std::move(owner);
  return output;
}

}  // namespace posekit::inline v0
