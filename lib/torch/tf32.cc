/// Whether a network's convolutions may use TF32.
#include "torch/tf32.h"

#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>

namespace posekit::inline v0 {
namespace {

constexpr std::size_t inputs_with_flag = 13;  // aten::_convolution(…, bool allow_tf32); files of before Torch 1.7 have one less

std::size_t set_in(torch::jit::Block* block, bool allowed) {
  static const auto convolution = c10::Symbol::fromQualString("aten::_convolution");
  std::size_t changed = 0;
  for (torch::jit::Node* node : block->nodes()) {
    for (torch::jit::Block* inner : node->blocks()) changed += set_in(inner, allowed);
    if (node->kind() != convolution || node->inputs().size() != inputs_with_flag) continue;
    const auto flag = torch::jit::toIValue(node->inputs().back());
    if (flag && flag->isBool() && flag->toBool() == allowed) continue;
    const torch::jit::WithInsertPoint before(node);
    node->replaceInput(inputs_with_flag - 1, node->owningGraph()->insertConstant(allowed));
    ++changed;
  }
  return changed;
}

}  // namespace

std::size_t set_tf32_of_convolutions(const torch::jit::Module& module, bool allowed) {
  std::size_t changed = 0;
  for (const torch::jit::Module& part : module.modules()) {
    for (const torch::jit::Method& method : part.get_methods()) {
      const auto graph = method.graph();
      torch::jit::Inline(*graph);  // so that what is called is seen too
      changed += set_in(graph->block(), allowed);
    }
  }
  return changed;
}

}  // namespace posekit::inline v0
