/// All nodes of a module's code.
#include "torch/graph_nodes.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <unordered_set>

namespace posekit::inline v0 {
namespace {

void append_nodes(torch::jit::Block* block, std::vector<torch::jit::Node*>& nodes) {
  for (torch::jit::Node* node : block->nodes()) {
    nodes.push_back(node);
    for (torch::jit::Block* inner : node->blocks()) append_nodes(inner, nodes);
    if (node->hasAttribute(c10::attr::Subgraph)) append_nodes(node->g(c10::attr::Subgraph)->block(), nodes);
  }
}

}  // namespace

std::vector<torch::jit::Node*> nodes_of(torch::jit::Graph& graph) {
  torch::jit::Inline(graph);
  std::vector<torch::jit::Node*> nodes;
  append_nodes(graph.block(), nodes);
  return nodes;
}

std::vector<torch::jit::Node*> nodes_of(const torch::jit::Module& module) {
  std::vector<torch::jit::Node*> nodes;
  std::unordered_set<const torch::jit::Graph*> seen;  // code belongs to a class, and parts may be of one class
  for (const torch::jit::Module& part : module.modules()) {
    for (const torch::jit::Method& method : part.get_methods()) {
      const auto graph = method.graph();
      if (!seen.insert(graph.get()).second) continue;
      torch::jit::Inline(*graph);
      append_nodes(graph->block(), nodes);
    }
  }
  return nodes;
}

std::optional<c10::IValue> constant_input(const torch::jit::Node& node, std::size_t position) {
  if (position >= node.inputs().size()) return std::nullopt;
  return torch::jit::toIValue(node.inputs()[position]);
}

}  // namespace posekit::inline v0
