/// What a network's code and weights become when they are loaded.
#include "torch/load_pass.h"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inline_fork_wait.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "posekit/error.h"
#include "posekit/runtime.h"
#include "torch/graph_nodes.h"
#include "torch/tf32.h"

namespace posekit::inline v0 {
namespace {

using torch::jit::Node;
using torch::jit::Value;

/// Whether values of that type may hold tensors or devices that move.
bool may_move(const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType:
    case c10::TypeKind::DeviceObjType:
    case c10::TypeKind::AnyType: return true;
    case c10::TypeKind::ClassType: return false;  // a module's part has its turn; other objects stay as they are
    default: return std::ranges::any_of(type.containedTypes(), [](const c10::TypePtr& inner) { return may_move(*inner); });
  }
}

/// The type of floating-point tensors; none: each keeps its own.
using Type = std::optional<c10::ScalarType>;

/// Moves values to a device and a type, what shares memory together.
class Mover {
 public:
  explicit Mover(c10::Device device) : device_(device) {}

  at::Tensor tensor(const at::Tensor& tensor, Type type) {
    if (!tensor.defined() || tensor.is_meta()) return tensor;
    const c10::ScalarType wanted = at::isFloatingType(tensor.scalar_type()) ? type.value_or(tensor.scalar_type()) : tensor.scalar_type();
    // Old memory that is freed on the way is none of another old tensor's, so its address still names it.
    const void* memory =
        tensor.has_storage() ? static_cast<const void*>(tensor.storage().unsafeGetStorageImpl()) : tensor.unsafeGetTensorImpl();
    const auto strided = tensor.layout() == c10::kStrided;
    const Key key{memory,
                  tensor.scalar_type(),
                  wanted,
                  strided ? tensor.storage_offset() : 0,
                  tensor.sizes().vec(),
                  strided ? tensor.strides().vec() : std::vector<std::int64_t>{}};
    at::Tensor& moved = moved_[key];
    if (!moved.defined()) moved = (tensor.requires_grad() ? tensor.detach() : tensor).to(device_, wanted);
    return moved;
  }

  c10::Device device(c10::Device device) const { return device.is_cpu() || device.is_cuda() ? device_ : device; }

  /// A value and what it holds. @param type of floating-point tensors, @param keep_double those of float64 stay so
  c10::IValue value(const c10::IValue& from, Type type, bool keep_double) {
    const auto inner = [&](const c10::IValue& element) { return value(element, type, keep_double); };
    if (from.isTensor()) {
      const at::Tensor& found = from.toTensor();
      const bool is_double = found.defined() && found.scalar_type() == c10::ScalarType::Double;
      return tensor(found, keep_double && is_double ? Type() : type);
    }
    if (from.isDevice()) return device(from.toDevice());
    if (from.isTuple()) {
      const auto& tuple = from.toTupleRef();
      std::vector<c10::IValue> elements;
      std::ranges::transform(tuple.elements(), std::back_inserter(elements), inner);
      return c10::ivalue::Tuple::createNamed(std::move(elements), tuple.type());
    }
    if (from.isList() && may_move(*from.type())) {
      const auto list = from.toList();
      c10::impl::GenericList elements(list.elementType());
      for (std::size_t i = 0; i < list.size(); ++i) elements.push_back(inner(list.get(i)));
      return elements;
    }
    if (from.isGenericDict() && may_move(*from.type())) {
      const auto dictionary = from.toGenericDict();
      c10::impl::GenericDict entries(dictionary.keyType(), dictionary.valueType());
      for (const auto& entry : dictionary) entries.insert(entry.key(), inner(entry.value()));
      return entries;
    }
    return from;
  }

 private:
  using Key = std::tuple<const void*, c10::ScalarType, c10::ScalarType, std::int64_t, std::vector<std::int64_t>, std::vector<std::int64_t>>;

  c10::Device device_;
  std::map<Key, at::Tensor> moved_;
};

bool is_batch_norm(const Node& node) { return node.kind() == c10::aten::batch_norm || node.kind() == c10::aten::native_batch_norm; }

/// Weight, bias and statistics, which Torch takes in float32 beside an input in half precision, all or none.
std::vector<const Value*> batch_norm_constants(const Node& node) {
  std::vector<const Value*> constants;
  for (std::size_t i = 1; i <= 4; ++i) {
    const Value* value = node.inputs().at(i);
    if (value->mustBeNone()) continue;
    const auto uses = value->uses();
    const bool only_here = std::ranges::all_of(
        uses, [](const torch::jit::Use& use) { return is_batch_norm(*use.user) && use.offset >= 1 && use.offset <= 4; });
    if (value->node()->kind() != c10::prim::Constant || !only_here) return {};
    constants.push_back(value);
  }
  return constants;
}

/// Whether the code casts a value to float32, whatever the model's type.
bool is_cast_to_float(const Value& value) {
  if (value.node()->kind() != c10::aten::to) return false;
  for (const std::size_t position : {1U, 2U}) {  // behind the tensor, or behind the device
    const auto type = constant_input(*value.node(), position);
    if (type && type->isInt()) return type->toInt() == static_cast<std::int64_t>(c10::ScalarType::Float);
  }
  return false;
}

/// Whether a constant meets values that were cast to float32 wherever it is used, as `weight.float()` beside `x.float()`: freezing has
/// taken the constant's own cast away.
bool meets_float_alone(const Value& constant) {
  return std::ranges::all_of(constant.uses(), [&](const torch::jit::Use& use) {
    return std::ranges::any_of(use.user->inputs(), [](const Value* input) { return is_cast_to_float(*input); });
  });
}

void replace_constant(Node* node, const c10::IValue& value) {
  const torch::jit::WithInsertPoint before(node);
  const auto replacement = torch::jit::tryInsertConstant(*node->owningGraph(), value);
  if (!replacement) return;
  node->output()->replaceAllUsesWith(*replacement);
  node->destroy();
}

/// `x.cuda()` names no device: it means the process's current one.
void replace_cuda_call(Node* node, c10::Device device) {
  const torch::jit::WithInsertPoint before(node);
  torch::jit::Graph& graph = *node->owningGraph();
  Value* moved = graph.insert(c10::aten::to, {node->inputs().at(0), graph.insertConstant(device)});
  node->output()->replaceAllUsesWith(moved);
  node->destroy();
}

void move_code(const torch::jit::Module& module, Mover& mover, Type type) {
  const auto nodes = nodes_of(module);
  std::unordered_set<const Value*> stay_float;
  for (const Node* node : nodes) {
    if (is_batch_norm(*node)) {
      for (const Value* constant : batch_norm_constants(*node)) stay_float.insert(constant);
    }
  }
  static const auto cuda_call = c10::Symbol::fromQualString("aten::cuda");
  for (Node* node : nodes) {
    if (node->kind() == cuda_call) {
      replace_cuda_call(node, mover.device(c10::kCPU));
    } else if (node->kind() == c10::prim::Constant && may_move(*node->output()->type())) {
      const auto value = torch::jit::toIValue(node->output());
      if (!value) continue;
      const bool stays_float = stay_float.contains(node->output()) || (value->isTensor() && meets_float_alone(*node->output()));
      const auto moved = mover.value(*value, type && stays_float ? c10::ScalarType::Float : type, true);
      if (!moved.is(*value)) replace_constant(node, moved);
    }
  }
}

void move_attributes(const torch::jit::Module& module, Mover& mover, Type type) {
  std::unordered_set<const void*> seen;  // a part may have two names
  for (const torch::jit::Module& part : module.modules()) {
    const auto object = part._ivalue();
    if (!seen.insert(object.get()).second) continue;
    for (std::size_t i = 0; i < object->type()->numAttributes(); ++i) {
      if (may_move(*object->type()->getAttribute(i))) object->setSlot(i, mover.value(object->getSlot(i), type, false));
    }
  }
}

/// Whether a value is, or is made of, numbers with a point.
bool is_float(const c10::Type& type) {
  return type.kind() == c10::TypeKind::FloatType ||
         std::ranges::any_of(type.containedTypes(), [](const auto& inner) { return is_float(*inner); });
}

/// Gives values that are made without a type the one that Torch's own default gives them, so that the process's does not.
void settle_default_types(const torch::jit::Module& module) {
  // By what they are given: these are floats only if they are given floats.
  static const std::array by_value{"aten::full", "aten::arange", "aten::tensor", "aten::as_tensor"};
  static const std::array always{
      "aten::zeros",           "aten::ones",          "aten::empty",       "aten::empty_strided",  "aten::rand",
      "aten::randn",           "aten::eye",           "aten::linspace",    "aten::logspace",       "aten::range",
      "aten::scalar_tensor",   "aten::normal",        "aten::hann_window", "aten::hamming_window", "aten::bartlett_window",
      "aten::blackman_window", "aten::kaiser_window", "aten::fft_fftfreq", "aten::fft_rfftfreq"};
  for (Node* node : nodes_of(module)) {
    const std::string_view kind = node->kind().toQualString();
    const bool depends = std::ranges::find(by_value, kind) != by_value.end();
    if (!depends && std::ranges::find(always, kind) == always.end()) continue;
    const auto* schema = node->maybeSchema();
    const auto position = schema == nullptr ? std::nullopt : schema->argumentIndexWithName("dtype");
    if (!position || !node->inputs().at(static_cast<std::size_t>(*position))->mustBeNone()) continue;
    if (depends && std::ranges::none_of(node->inputs(), [](const Value* input) { return is_float(*input->type()); })) continue;
    const torch::jit::WithInsertPoint before(node);
    node->replaceInput(static_cast<std::size_t>(*position),
                       node->owningGraph()->insertConstant(static_cast<std::int64_t>(c10::ScalarType::Float)));
  }
}

bool has_forks(const torch::jit::Module& module) {
  return std::ranges::any_of(nodes_of(module), [](const Node* node) { return node->kind() == c10::prim::fork; });
}

/// Whether all that is forked is waited for by name: what lies in a list, say, Torch's pass would spoil.
bool can_inline_forks(const torch::jit::Module& module) {
  return std::ranges::all_of(nodes_of(module), [](const Node* node) {
    if (node->kind() == c10::aten::wait) return node->input()->node()->kind() == c10::prim::fork;
    if (node->kind() != c10::prim::fork) return true;
    const auto uses = node->output()->uses();
    return std::ranges::all_of(uses, [](const torch::jit::Use& use) { return use.user->kind() == c10::aten::wait; });
  });
}

void inline_forks(const torch::jit::Module& module) {
  if (!can_inline_forks(module)) return;
  for (const torch::jit::Module& part : module.modules()) {
    for (const torch::jit::Method& method : part.get_methods()) torch::jit::InlineForkWait(method.graph());
  }
}

}  // namespace

torch::jit::Module frozen(torch::jit::Module module, const std::string& name, bool cast) {
  settle_default_types(module);
  const Type type = cast ? Type(c10::ScalarType::Float) : std::nullopt;
  Mover mover{c10::kCPU};
  move_attributes(module, mover, type);
  move_code(module, mover, type);
  try {
    module = torch::jit::freeze(module, std::nullopt, /*optimize_numerics=*/cast);
  } catch (const std::exception&) {
    log(LogLevel::info, name + " can't be frozen and runs as it is, a little slower");
  }
  inline_forks(module);
  return module;
}

void bring_to(torch::jit::Module& module, c10::Device device, Type type) {
  if (device.is_cuda() && has_forks(module)) {
    throw Error(ErrorCode::invalid_model,
                "the network runs parts of itself by torch.jit.fork, which posekit's streams do not order on a device: wait for each part "
                "where it was forked (torch.jit.wait(future)), or export the network without fork");
  }
  Mover mover(device);
  move_attributes(module, mover, type);
  move_code(module, mover, type);
  set_tf32_of_convolutions(module, torch_tf32());
}

}  // namespace posekit::inline v0
