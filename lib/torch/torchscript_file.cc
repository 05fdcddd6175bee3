/// Opens TorchScript archives: load → device and type → freeze.
#include "torch/torchscript_file.h"

#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "posekit/runtime.h"
#include "torch/backend.h"
#include "torch/runtime.h"
#include "torch/tf32.h"

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

torch::jit::Module load(const ModelSource& source, c10::Device device, torch::jit::ExtraFilesMap& extra) {
  if (source.in_memory()) return torch::jit::load(std::make_shared<MemoryAdapter>(source.bytes()), device, extra);
  return torch::jit::load(source.path().string(), device, extra);
}

c10::ScalarType scalar_type(Precision precision) {
  switch (precision) {
    case Precision::fp32: break;
    case Precision::fp16: return c10::ScalarType::Half;
    case Precision::bf16: return c10::ScalarType::BFloat16;
  }
  return c10::ScalarType::Float;
}

/// Constants in place of attributes, batch normalisation folded. Some models can't be frozen; they run as they are.
torch::jit::Module frozen(const torch::jit::Module& module, const std::string& name) {
  try {
    return torch::jit::freeze(module);
  } catch (const std::exception&) {
    log(LogLevel::info, "model \"" + name + "\" can't be frozen and runs as it is, a little slower");
    return module;
  }
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

/// A module in eval mode.
class ScriptProgram final : public Program {
 public:
  explicit ScriptProgram(torch::jit::Module module) : module_(std::move(module)) {}

  std::vector<at::Tensor> run(const at::Tensor& input, const ModelInfo& info) const override {
    torch::jit::Module module = module_;  // a handle of this call's own
    return tensors_of(module.forward({input}), info);
  }
  bool writes_to_its_input() const override { return posekit::writes_to_its_input(module_); }
  std::size_t weight_bytes() const override;

 private:
  torch::jit::Module module_;
};

/// Parameters, buffers and the constants that freezing made of them.
std::size_t ScriptProgram::weight_bytes() const {
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

class TorchScriptFile final : public ModelFile {
 public:
  /// @param module in the file's own types, on the device, in eval mode
  TorchScriptFile(std::string source, Device device, torch::jit::Module module, std::string metadata)
      : source_(std::move(source)), device_(device), module_(std::move(module)), metadata_(std::move(metadata)) {}

  const std::string& metadata() const noexcept override { return metadata_; }
  std::optional<std::size_t> suggested_channels() const override {
    return in_torch(source_ + " can't be inspected", ErrorCode::invalid_model, [&] { return posekit::suggested_channels(module_); });
  }
  Parameters parameters() const override;
  std::shared_ptr<ModelBackend> make_backend(const ModelInfo& info, Precision precision) override;

 private:
  std::shared_ptr<const Program> load_program(const ModelInfo& info);

  std::string source_;  ///< As messages name it.
  Device device_;
  torch::jit::Module module_;
  std::string metadata_;
  std::shared_ptr<const Program> program_;         ///< Frozen.
  c10::ScalarType type_ = c10::ScalarType::Float;  ///< Of the program.
};

ModelFile::Parameters TorchScriptFile::parameters() const {
  return in_torch(source_ + " can't be inspected", ErrorCode::invalid_model, [&] {
    Parameters parameters;
    const auto count = [&](const at::Tensor& tensor) {
      parameters.count += static_cast<std::size_t>(tensor.numel());
      parameters.bytes += tensor.nbytes();
    };
    for (const at::Tensor& tensor : module_.parameters()) count(tensor);
    for (const at::Tensor& tensor : module_.buffers()) count(tensor);
    return parameters;
  });
}

std::shared_ptr<const Program> TorchScriptFile::load_program(const ModelInfo& info) {
  module_.to(torch_device(device_), type_);
  torch::jit::Module network = frozen(module_, info.name);
  set_tf32_of_convolutions(network, torch_tf32());
  return std::make_shared<ScriptProgram>(std::move(network));
}

std::shared_ptr<ModelBackend> TorchScriptFile::make_backend(const ModelInfo& info, Precision precision) {
  const std::string failure = source_ + " can't be brought to " + to_string(device_) + " in " + std::string(to_string(precision));
  return in_torch(failure, ErrorCode::invalid_model, [&] {
    if (!program_) {
      type_ = scalar_type(precision);
      program_ = load_program(info);
    }
    return std::make_shared<TorchBackend>(program_, info, device_, type_);
  });
}

}  // namespace

std::unique_ptr<ModelFile> open_torchscript(const ModelSource& source, Device device) {
  return in_torch(source.text() + " can't be loaded", ErrorCode::invalid_model, [&] {
    torch::jit::ExtraFilesMap extra{{metadata_entry, ""}};
    torch::jit::Module module = load(source, torch_device(device), extra);
    module.eval();
    return std::make_unique<TorchScriptFile>(source.text(), device, std::move(module), std::move(extra[metadata_entry]));
  });
}

}  // namespace posekit::inline v0
