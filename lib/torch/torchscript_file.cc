/// Opens TorchScript archives: load → freeze → look at the code → device and type → fused operators.
#include "torch/torchscript_file.h"

#include <ATen/ops/cat.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "torch/backend.h"
#include "torch/code_check.h"
#include "torch/fused_network.h"
#include "torch/graph_nodes.h"
#include "torch/load_pass.h"
#include "torch/runtime.h"

namespace posekit::inline v0 {
namespace {

constexpr const char* metadata_entry = "posekit.json";

/// The number of heatmaps that the last fitting convolution's weights suggest.
std::optional<std::size_t> suggested_channels(const torch::jit::Module& module) {
  std::optional<std::size_t> channels;
  for (const auto& parameter : module.named_parameters()) {
    if (parameter.value.dim() != 4) continue;
    const std::int64_t outputs = parameter.value.size(0);
    if (outputs == 17 || outputs == 133 || outputs == 308) channels = static_cast<std::size_t>(outputs);
  }
  return channels;
}

/// Lets Torch read borrowed bytes in place.
class MemoryAdapter final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MemoryAdapter(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  size_t size() const override { return bytes_.size(); }
  size_t read(uint64_t from, void* buffer, size_t count, const char* /*what*/) const override {
    if (from >= bytes_.size()) return 0;
    const auto part = bytes_.subspan(from, std::min<size_t>(count, bytes_.size() - from));
    std::memcpy(buffer, part.data(), part.size());
    return part.size();
  }

 private:
  std::span<const std::byte> bytes_;
};

torch::jit::Module load(const ModelSource& source, torch::jit::ExtraFilesMap& extra) {
  if (source.in_memory()) return torch::jit::load(std::make_shared<MemoryAdapter>(source.bytes()), c10::kCPU, extra);
  return torch::jit::load(source.path().string(), c10::kCPU, extra);
}

c10::ScalarType scalar_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32: break;
    case Dtype::fp16: return c10::ScalarType::Half;
    case Dtype::bf16: return c10::ScalarType::BFloat16;
  }
  return c10::ScalarType::Float;
}

/// Calls with each parameter, buffer and constant of the code.
template <class Use>
void for_each_weight(const torch::jit::Module& module, const Use& use) {
  const auto use_defined = [&](const at::Tensor& tensor) {
    if (tensor.defined()) use(tensor);
  };
  for (const at::Tensor& tensor : module.parameters()) use_defined(tensor);
  for (const at::Tensor& tensor : module.buffers()) use_defined(tensor);
  for (const torch::jit::Node* node : nodes_of(module)) {
    if (node->kind() != c10::prim::Constant || !node->output()->type()->isSubtypeOf(*c10::TensorType::get())) continue;
    use_defined(torch::jit::toIValue(node->output())->toTensor());
  }
}

/// Which half precision most of the weights have, if they do.
std::optional<Dtype> half_weights(const torch::jit::Module& module) {
  std::size_t fp16 = 0;
  std::size_t bf16 = 0;
  std::size_t others = 0;
  for_each_weight(module, [&](const at::Tensor& tensor) {
    if (!at::isFloatingType(tensor.scalar_type())) return;
    const auto type = tensor.scalar_type();
    (type == c10::ScalarType::Half ? fp16 : type == c10::ScalarType::BFloat16 ? bf16 : others) += static_cast<std::size_t>(tensor.numel());
  });
  if (std::max(fp16, bf16) <= others) return std::nullopt;
  return fp16 > bf16 ? Dtype::fp16 : Dtype::bf16;
}

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

/// Bytes of the weights, each storage once.
std::size_t weight_bytes_of(const torch::jit::Module& module) {
  std::unordered_set<const void*> seen;
  std::size_t bytes = 0;
  for_each_weight(module, [&](const at::Tensor& tensor) {
    if (!tensor.has_storage() || !seen.insert(tensor.storage().unsafeGetStorageImpl()).second) return;
    bytes += tensor.storage().nbytes();
  });
  return bytes;
}

/// The outputs of crops that were computed one by one, joined; none if they can't be.
std::vector<at::Tensor> joined(const std::vector<std::vector<at::Tensor>>& by_crop) {
  std::vector<at::Tensor> outputs;
  for (std::size_t i = 0; i < by_crop.front().size(); ++i) {
    std::vector<at::Tensor> parts;
    for (const std::vector<at::Tensor>& crop : by_crop) {
      if (crop.size() != by_crop.front().size() || crop[i].sizes() != by_crop.front()[i].sizes()) return {};
      parts.push_back(crop[i]);
    }
    if (parts.front().dim() == 0 || parts.front().size(0) != 1) return {};
    outputs.push_back(at::cat(parts));
  }
  return outputs;
}

class ScriptProgram final : public Program {
 public:
  /// @param module on its device, in its type
  /// @param fused the same, where there is one, which runs in its place
  ScriptProgram(torch::jit::Module module, std::optional<FusedNetwork> fused, std::optional<Dtype> cast_from)
      : module_(std::move(module)),
        fused_(std::move(fused)),
        writes_to_its_input_(posekit::writes_to_its_input(module_)),
        weight_bytes_(weight_bytes_of(module_)),
        cast_from_(cast_from) {}

  std::vector<at::Tensor> run(const at::Tensor& input, const ModelInfo& info) const override {
    if (fused_ && fused_->fits()) return run_fused(input, info);
    if (fused_ && !noted_.exchange(true)) {
      log(LogLevel::info, "model \"" + info.name +
                              "\" runs without fused operators, a little slower: they were compiled for another number "
                              "of Torch threads; set it before the model is loaded");
    }
    torch::jit::Module module = module_;  // a handle of this call's own
    return tensors_of(module.forward({input}), info);
  }
  bool writes_to_its_input() const override { return writes_to_its_input_; }
  std::size_t weight_bytes() const override { return weight_bytes_; }
  bool is_fused() const noexcept override { return fused_.has_value(); }
  std::optional<Dtype> cast_from() const override { return cast_from_; }

 private:
  /// Crop by crop, so that a crop's result does not depend on its batch.
  std::vector<at::Tensor> run_fused(const at::Tensor& input, const ModelInfo& info) const {
    if (input.size(0) == 1) return tensors_of(fused_->run(input), info);
    std::vector<std::vector<at::Tensor>> by_crop;
    for (const at::Tensor& crop : input.split(1)) by_crop.push_back(tensors_of(fused_->run(crop), info));
    std::vector<at::Tensor> outputs = joined(by_crop);
    return outputs.empty() ? tensors_of(fused_->run(input), info) : outputs;
  }

  torch::jit::Module module_;
  mutable std::atomic<bool> noted_ = false;
  std::optional<FusedNetwork> fused_;  ///< Shares the module's weights; oneDNN keeps some of them in a layout of its own besides.
  bool writes_to_its_input_;
  std::size_t weight_bytes_;
  std::optional<Dtype> cast_from_;
};

ModelFile::Parameters parameters_of(const torch::jit::Module& module) {
  ModelFile::Parameters parameters;
  const auto count = [&](const at::Tensor& tensor) {
    parameters.count += static_cast<std::size_t>(tensor.numel());
    parameters.bytes += tensor.nbytes();
  };
  for (const at::Tensor& tensor : module.parameters()) count(tensor);
  for (const at::Tensor& tensor : module.buffers()) count(tensor);
  return parameters;
}

void refuse_training(const torch::jit::Module& module, const std::string& source) {
  const std::string training = training_in(module);
  if (training.empty()) return;
  throw Error(ErrorCode::invalid_model, source + " was exported in training mode, its code has " + training +
                                            ": call model.eval() before tracing or scripting, and export it again");
}

class TorchScriptFile final : public ModelFile {
 public:
  /// @param module as in the file, on the CPU, in eval mode
  TorchScriptFile(std::string source, Device device, torch::jit::Module module, std::string metadata)
      : source_(std::move(source)),
        device_(device),
        metadata_(std::move(metadata)),
        parameters_(parameters_of(module)),
        suggested_channels_(posekit::suggested_channels(module)),
        half_weights_(posekit::half_weights(module)),
        module_(std::move(module)) {}

  const std::string& metadata() const noexcept override { return metadata_; }
  std::optional<std::size_t> suggested_channels() const noexcept override { return suggested_channels_; }
  const Parameters& parameters() const noexcept override { return parameters_; }
  void prepare(const Numbers& numbers, bool fuse) override;
  const BatchTraits& batch_traits() const noexcept override { return batch_traits_; }
  std::shared_ptr<ModelBackend> make_backend(const ModelInfo& info, std::size_t max_batch) override;

 private:
  std::string source_;  ///< As messages name it.
  Device device_;
  std::string metadata_;
  Parameters parameters_;
  std::optional<std::size_t> suggested_channels_;
  std::optional<Dtype> half_weights_;
  torch::jit::Module module_;  ///< Frozen by `prepare`; until there is a program.
  Numbers numbers_;
  bool fuse_ = false;
  BatchTraits batch_traits_;
  std::shared_ptr<const Program> program_;
};

void TorchScriptFile::prepare(const Numbers& numbers, bool fuse) {
  in_torch(source_ + " can't be loaded", ErrorCode::invalid_model, [&] {
    numbers_ = numbers;
    fuse_ = fuse;
    module_ = frozen(std::move(module_), source_, numbers.cast);
    refuse_training(module_, source_);
    batch_traits_ = batch_traits_of(module_);
  });
}

std::shared_ptr<ModelBackend> TorchScriptFile::make_backend(const ModelInfo& info, std::size_t max_batch) {
  const std::string failure = source_ + " can't be brought to " + to_string(device_) + " in " + std::string(to_string(numbers_.type));
  return in_torch(failure, ErrorCode::invalid_model, [&] {
    const c10::ScalarType type = scalar_type(numbers_.type);
    if (!program_) {
      bring_to(module_, torch_device(device_), numbers_.cast ? std::optional(type) : std::nullopt);
      const bool can_be_fused = fuse_ && device_.kind == DeviceKind::cpu && numbers_.cast && type == c10::ScalarType::Float;
      auto fused = can_be_fused ? FusedNetwork::make(module_, info) : std::nullopt;
      program_ = std::make_shared<ScriptProgram>(std::move(module_), std::move(fused), numbers_.cast ? half_weights_ : std::nullopt);
    }
    return std::make_shared<TorchBackend>(program_, info, device_, type, max_batch);
  });
}

}  // namespace

std::unique_ptr<ModelFile> open_torchscript(const ModelSource& source, Device device) {
  return in_torch(source.text() + " can't be loaded", ErrorCode::invalid_model, [&] {
    torch::jit::ExtraFilesMap extra{{metadata_entry, ""}};
    torch::jit::Module module = load(source, extra);
    module.eval();
    refuse_training(module, source.text());  // here too: Torch folds batch norms that train as if they did not
    return std::make_unique<TorchScriptFile>(source.text(), device, std::move(module), std::move(extra[metadata_entry]));
  });
}

}  // namespace posekit::inline v0
