/// What a network's code says about itself.
#include "torch/code_check.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "torch/graph_nodes.h"

namespace posekit::inline v0 {
namespace {

using torch::jit::Node;
using torch::jit::Value;

/// A graph of its own, so that looking changes nothing.
std::shared_ptr<torch::jit::Graph> forward_of(const torch::jit::Module& module) { return module.get_method("forward").graph()->copy(); }

bool is_in_branch(const Node& node) {
  for (const Node* outer = node.owningBlock()->owningNode(); outer != nullptr; outer = outer->owningBlock()->owningNode()) {
    if (outer->kind() == c10::prim::If) return true;
  }
  return false;
}

bool is_true(const Node& node, std::size_t position) {
  const auto value = constant_input(node, position);
  return value && value->isBool() && value->toBool();
}

/// A number that is not known counts as more than 0.
bool is_positive(const Node& node, std::size_t position) {
  const auto value = constant_input(node, position);
  return !value || !value->isScalar() || value->toScalar().toDouble() > 0;
}

/// Operators of which one input says whether they train, and another one how much they drop.
struct Dropout {
  std::string_view kind;
  std::size_t rate;
  std::optional<std::size_t> training;  ///< None: the rate alone decides.
};
constexpr std::array dropouts{Dropout{"aten::dropout", 1, 2},
                              Dropout{"aten::dropout_", 1, 2},
                              Dropout{"aten::feature_dropout", 1, 2},
                              Dropout{"aten::feature_dropout_", 1, 2},
                              Dropout{"aten::alpha_dropout", 1, 2},
                              Dropout{"aten::alpha_dropout_", 1, 2},
                              Dropout{"aten::feature_alpha_dropout", 1, 2},
                              Dropout{"aten::feature_alpha_dropout_", 1, 2},
                              Dropout{"aten::native_dropout", 1, 2},
                              Dropout{"aten::scaled_dot_product_attention", 4, std::nullopt}};
constexpr std::array rrelus{std::string_view("aten::rrelu"), std::string_view("aten::rrelu_")};
constexpr std::array random_numbers{std::string_view("aten::bernoulli"), std::string_view("aten::bernoulli_"),
                                    std::string_view("aten::rand"),      std::string_view("aten::rand_like"),
                                    std::string_view("aten::randn"),     std::string_view("aten::randn_like"),
                                    std::string_view("aten::uniform_"),  std::string_view("aten::normal_")};

/// Inputs of aten::batch_norm and aten::native_batch_norm.
constexpr std::size_t running_mean = 3;
constexpr std::size_t trains = 5;

bool normalises_by_the_batch(const Node& node) {
  return (node.kind() == c10::aten::batch_norm || node.kind() == c10::aten::native_batch_norm) && is_true(node, trains);
}

std::string training_of(const Node& node) {
  const std::string_view kind = node.kind().toQualString();
  const std::string named = " (" + std::string(kind) + ")";
  for (const Dropout& dropout : dropouts) {
    if (kind != dropout.kind || !is_positive(node, dropout.rate)) continue;
    if (dropout.training ? is_true(node, *dropout.training) : constant_input(node, dropout.rate).has_value()) {
      return "dropout that is switched on" + named;
    }
  }
  if (std::ranges::find(rrelus, kind) != rrelus.end() && is_true(node, 3)) return "random slopes" + named;
  if (std::ranges::find(random_numbers, kind) != random_numbers.end()) return "random numbers" + named;
  if (normalises_by_the_batch(node) && !node.inputs()[running_mean]->mustBeNone()) return "batch normalisation that trains" + named;
  return {};
}

bool is_of_tensors(const c10::Type& type) {
  return type.kind() == c10::TypeKind::TensorType ||
         std::ranges::any_of(type.containedTypes(), [](const auto& inner) { return is_of_tensors(*inner); });
}

/// The values of tensors that depend on what forward is given; sizes do not count.
std::unordered_set<const Value*> dependent_values(torch::jit::Graph& graph, const std::vector<Node*>& nodes) {
  std::unordered_set<const Value*> dependent;
  const auto any = [&](const auto& values) { return std::ranges::any_of(values, [&](const Value* v) { return dependent.contains(v); }); };
  const auto add = [&](const auto& values) {
    for (const Value* value : values) {
      if (is_of_tensors(*value->type())) dependent.insert(value);
    }
  };
  add(graph.inputs().slice(1));
  // Branches and loops come before their inner nodes, which decide over their outputs: what has any inside counts as dependent.
  for (const Node* node : nodes) {
    if (any(node->inputs()) || !node->blocks().empty()) {
      add(node->outputs());
      for (const torch::jit::Block* block : node->blocks()) add(block->inputs());
    }
  }
  return dependent;
}

/// The sizes that are the node's input, those that are computed as -1; none if it is no list.
std::vector<std::int64_t> sizes_of(const Node& node, std::size_t position) {
  std::vector<std::int64_t> sizes;
  if (const auto constant = constant_input(node, position)) {
    if (constant->isIntList()) return constant->toIntVector();
    return sizes;
  }
  const Node* list = node.inputs().at(position)->node();
  if (list->kind() != c10::prim::ListConstruct) return sizes;
  for (const Value* element : list->inputs()) {
    const auto value = torch::jit::toIValue(element);
    sizes.push_back(value && value->isInt() ? value->toInt() : -1);
  }
  return sizes;
}

std::string text_of(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const std::int64_t size : sizes) text += (text.empty() ? "" : ", ") + (size < 0 ? std::string("*") : std::to_string(size));
  return "[" + text + "]";
}

constexpr std::array reshapes{std::string_view("aten::view"), std::string_view("aten::_unsafe_view"), std::string_view("aten::reshape"),
                              std::string_view("aten::expand")};

/// A reshape of what depends on the input to a leading size that is fixed.
BatchTraits fixed_by_reshape(const Node& node, const std::unordered_set<const Value*>& dependent) {
  const std::string_view kind = node.kind().toQualString();
  std::size_t position = 1;
  if (kind == "aten::unflatten") {
    const auto dimension = constant_input(node, 1);
    if (!dimension || !dimension->isInt() || dimension->toInt() != 0) return {};
    position = 2;
  } else if (std::ranges::find(reshapes, kind) == reshapes.end()) {
    return {};
  }
  if (!dependent.contains(node.inputs().at(0))) return {};
  const auto sizes = sizes_of(node, position);
  if (sizes.empty() || sizes.front() < 1) return {};
  return {.mixed = false, .fixed = static_cast<std::size_t>(sizes.front()), .where = std::string(kind) + " to " + text_of(sizes)};
}

/// A constant that is joined, behind its leading size, with what depends on the input: a token that was made for one batch.
BatchTraits fixed_by_concatenation(const Node& node, const std::unordered_set<const Value*>& dependent) {
  if (node.kind() != c10::aten::cat || node.inputs().at(0)->node()->kind() != c10::prim::ListConstruct) return {};
  const auto dimension = constant_input(node, 1);
  if (!dimension || !dimension->isInt() || dimension->toInt() == 0) return {};
  const auto parts = node.inputs()[0]->node()->inputs();
  if (std::ranges::none_of(parts, [&](const Value* part) { return dependent.contains(part); })) return {};
  for (const Value* part : parts) {
    const auto constant = torch::jit::toIValue(part);
    if (!constant || !constant->isTensor() || constant->toTensor().dim() < 2 || dimension->toInt() == -constant->toTensor().dim()) continue;
    const std::int64_t size = constant->toTensor().size(0);
    return {.mixed = false,
            .fixed = static_cast<std::size_t>(size),
            .where = "aten::cat with a constant of shape " + text_of(constant->toTensor().sizes().vec())};
  }
  return {};
}

}  // namespace

std::string training_in(const torch::jit::Module& module) {
  const auto graph = forward_of(module);
  for (const Node* node : nodes_of(*graph)) {
    std::string found = training_of(*node);
    if (!found.empty() && !is_in_branch(*node)) return found;
  }
  return {};
}

BatchTraits batch_traits_of(const torch::jit::Module& module) {
  const auto graph = forward_of(module);
  const auto nodes = nodes_of(*graph);
  const auto dependent = dependent_values(*graph, nodes);
  BatchTraits traits;
  for (const Node* node : nodes) {
    traits.mixed = traits.mixed || (normalises_by_the_batch(*node) && node->inputs()[running_mean]->mustBeNone());
    if (traits.fixed != 0) continue;
    for (const auto check : {fixed_by_reshape, fixed_by_concatenation}) {
      const BatchTraits found = check(*node, dependent);
      if (found.fixed == 0) continue;
      traits.fixed = found.fixed;
      traits.where = found.where;
    }
  }
  return traits;
}

}  // namespace posekit::inline v0
