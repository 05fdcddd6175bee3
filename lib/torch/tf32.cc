/// Whether a network's convolutions may use TF32.
#include "torch/tf32.h"

#include <torch/csrc/jit/ir/ir.h>

#include "torch/graph_nodes.h"

namespace posekit::inline v0 {
namespace {

constexpr std::size_t inputs_with_flag = 13;  // aten::_convolution(…, bool allow_tf32); files of before Torch 1.7 have one less

}  // namespace

std::size_t set_tf32_of_convolutions(const torch::jit::Module& module, bool allowed) {
  static const auto convolution = c10::Symbol::fromQualString("aten::_convolution");
  std::size_t changed = 0;
  for (torch::jit::Node* node : nodes_of(module)) {
    if (node->kind() != convolution || node->inputs().size() != inputs_with_flag) continue;
    const auto flag = constant_input(*node, inputs_with_flag - 1);
    if (flag && flag->isBool() && flag->toBool() == allowed) continue;
    const torch::jit::WithInsertPoint before(node);
    node->replaceInput(inputs_with_flag - 1, node->owningGraph()->insertConstant(allowed));
    ++changed;
  }
  return changed;
}

}  // namespace posekit::inline v0
