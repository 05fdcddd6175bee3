/// A loaded TorchScript module with what belongs to it: its metadata, device and type.
#include "torch/network.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <functional>
#include <unordered_set>
#include <utility>

#include "codec/output_check.h"
#include "posekit/error.h"

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
  const bool is_labels = info.task() == Task::detect && position == 2;
  if (at::isFloatingType(tensor.scalar_type()) || is_labels) return;
  throw Error(ErrorCode::invalid_model, "model \"" + info.name + "\" gives values of type " + c10::toString(tensor.scalar_type()) +
                                            ", floating point is expected: convert the output in the exported network");
}

}  // namespace

Network::Network(torch::jit::Module module, ModelInfo info, c10::Device device, c10::ScalarType type)
    : module_(std::move(module)),
      info_(std::move(info)),
      device_(device),
      type_(type),
      failure_(failure_in(info_.name, type)),
      writes_to_its_input_(writes_to_its_input(module_)) {
  const auto per_channel = [&](const std::array<double, 3>& values) {
    return at::tensor(c10::ArrayRef<double>(values.data(), 3)).to(c10::ScalarType::Float).view({1, 3, 1, 1}).to(device_);
  };
  mean_ = per_channel(info_.input.mean);
  std_ = per_channel(info_.input.std);
}

std::size_t Network::weight_bytes() const {
  std::unordered_set<const void*> seen;
  std::size_t bytes = 0;
  const auto add = [&](const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.has_storage() || !seen.insert(tensor.storage().unsafeGetStorageImpl()).second) return;
    bytes += tensor.storage().nbytes();
  };
  for (const at::Tensor& tensor : module_.parameters()) add(tensor);
  for (const at::Tensor& tensor : module_.buffers()) add(tensor);
  const std::function<void(const torch::jit::Block*)> add_constants = [&](const torch::jit::Block* block) {
    for (const torch::jit::Node* node : block->nodes()) {
      for (const torch::jit::Block* inner : node->blocks()) add_constants(inner);
      if (node->kind() == c10::prim::Constant && node->output()->type()->isSubtypeOf(*c10::TensorType::get())) {
        add(torch::jit::toIValue(node->output())->toTensor());
      }
    }
  };
  for (const torch::jit::Method& method : module_.get_methods()) add_constants(method.graph()->block());
  return bytes;
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
  torch::jit::Module module = module_;  // a handle of this call's own
  std::vector<at::Tensor> tensors = tensors_of(module.forward({input}), info_);
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
