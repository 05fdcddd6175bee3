/// A network of convolutions, compiled for one crop on the CPU: record sizes → fuse → compare.
#include "torch/fused_network.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max.h>
#include <torch/csrc/jit/codegen/onednn/interface.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/passes/lower_grad_of.h>
#include <torch/csrc/jit/passes/lower_tuples.h>
#include <torch/csrc/jit/passes/remove_expands.h>
#include <torch/csrc/jit/passes/utils/subgraph_utils.h>
#include <torch/csrc/jit/runtime/profiling_record.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "torch/graph_nodes.h"

namespace posekit::inline v0 {
namespace {

using torch::jit::Code;
using torch::jit::Graph;
using torch::jit::Node;

bool is_convolution(const Node& node) { return node.kind() == c10::aten::conv2d || node.kind() == c10::aten::_convolution; }

/// Of another convolution's weights oneDNN would keep those of the first crop.
bool has_constant_weights(const Node& node) { return constant_input(node, 1) && constant_input(node, 2); }

bool is_matrix_product(const Node& node) {
  constexpr std::array kinds{std::string_view("aten::linear"), std::string_view("aten::matmul"),
                             std::string_view("aten::addmm"),  std::string_view("aten::mm"),
                             std::string_view("aten::bmm"),    std::string_view("aten::scaled_dot_product_attention")};
  return std::ranges::find(kinds, std::string_view(node.kind().toQualString())) != kinds.end();
}

bool is_fused_group(const Node& node) { return node.kind() == c10::prim::oneDNNFusionGroup; }

std::ptrdiff_t count_of(Graph& graph, bool (*is)(const Node&)) {
  return std::ranges::count_if(nodes_of(graph), [&](const Node* node) { return is(*node); });
}

/// Whether fusing can gain something, by the kinds of the graph's nodes.
bool may_gain(Graph& graph) {
  const auto has_other_weights = [](const Node& node) { return is_convolution(node) && !has_constant_weights(node); };
  return count_of(graph, is_convolution) > count_of(graph, is_matrix_product) && count_of(graph, has_other_weights) == 0;
}

/// Where values have the channels last, not every view can be taken: those that nothing is written to become reshapes.
void free_views(const std::shared_ptr<Graph>& graph) {
  static const auto view = c10::Symbol::fromQualString("aten::view");
  std::vector<Node*> views = nodes_of(*graph);
  const torch::jit::AliasDb aliases(graph);
  std::erase_if(views, [&](const Node* node) {
    const auto sizes = node->kind() == view ? node->inputs().at(1)->type()->cast<c10::ListType>() : nullptr;
    return !sizes || aliases.hasWriters(node->output());
  });
  for (Node* node : views) {
    const torch::jit::WithInsertPoint before(node);
    node->output()->replaceAllUsesWith(graph->insert(c10::aten::reshape, {node->inputs().front(), node->inputs().at(1)}));
    node->destroy();
  }
}

/// `forward` as a graph of its own, without a module's attributes; null if it needs them.
std::shared_ptr<Graph> graph_of(const torch::jit::Module& module) {
  auto graph = module.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  if (graph->inputs().size() != 2 || graph->inputs().front()->hasUses()) return nullptr;
  graph->eraseInput(0);
  torch::jit::LowerGradOf(*graph);
  torch::jit::RemoveExpands(graph);
  return graph;
}

c10::IValue run_code(const Code& code, const at::Tensor& crop) {
  torch::jit::Stack stack{crop};
  torch::jit::InterpreterState(code).run(stack);
  return std::move(stack.front());
}

/// The graph with the sizes and layouts that its values have in a run. Where that run fails, the exception passes through.
std::shared_ptr<Graph> recorded(const std::shared_ptr<Graph>& graph, const at::Tensor& crop) {
  const auto record = torch::jit::ProfilingRecord::instrumentGraph(graph->copy());
  (void)run_code(Code(record->graph(), "forward"), crop);
  auto found = record->graph()->copy();
  torch::jit::ProfilingRecord::removeProfileCounter(found->block());
  return found;
}

/// Puts the plain nodes, which run where sizes are not the recorded ones, in place of a node that only Torch's executor can run.
void inline_fallbacks(Graph& graph) {
  std::vector<Node*> fallbacks = nodes_of(graph);
  std::erase_if(fallbacks, [](const Node* node) { return node->kind() != c10::prim::FallbackGraph; });
  for (Node* node : fallbacks) torch::jit::SubgraphUtils::unmergeSubgraph(node);  // frees the nodes of its own graph
}

/// @return how many groups of nodes oneDNN will compile
std::ptrdiff_t fuse(std::shared_ptr<Graph>& graph) {
  torch::jit::fuser::onednn::fuseGraph(graph);
  static const auto layouts = c10::Symbol::attr("output_layouts");
  for (Node* node : nodes_of(*graph)) {
    if (is_fused_group(*node)) node->is_(layouts, std::vector<std::int64_t>(node->outputs().size(), 0));  // the recorded ones
  }
  inline_fallbacks(*graph);
  torch::jit::ProfilingRecord::removeProfilingNodes(graph->block());
  torch::jit::EliminateDeadCode(graph);
  torch::jit::LowerSimpleTuples(graph);
  return count_of(*graph, is_fused_group);
}

/// A crop of no meaning that is no constant, for one state always the same.
at::Tensor noise(const InputInfo& input, std::uint32_t state) {
  at::Tensor crop = at::empty({1, 3, input.height, input.width}, c10::ScalarType::Float);
  const std::int64_t pixels = crop.numel() / 3;
  auto* values = crop.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < crop.numel(); ++i) {
    state = state * 1664525U + 1013904223U;  // Numerical Recipes' generator
    const auto channel = static_cast<std::size_t>(i / pixels);
    values[i] = static_cast<float>((static_cast<double>(state >> 24) - input.mean[channel]) / input.std[channel]);
  }
  return crop;
}

at::Tensor channels_last(const at::Tensor& crop) { return crop.contiguous(at::MemoryFormat::ChannelsLast); }

bool are_close(const at::Tensor& expected, const at::Tensor& found) {
  if (expected.sizes() != found.sizes() || expected.scalar_type() != found.scalar_type()) return false;
  if (!at::isFloatingType(expected.scalar_type())) return true;  // a label changes with the last digit of its score
  if (expected.numel() == 0) return true;
  constexpr double tolerance = 1e-3;
  const double scale = expected.abs().max().item().toDouble();
  return (expected - found).abs().max().item().toDouble() <= tolerance * scale;  // false for NaN
}

bool are_close(const c10::IValue& expected, const c10::IValue& found) {
  if (expected.isTensor() && found.isTensor()) return are_close(expected.toTensor(), found.toTensor());
  if (!expected.isTuple() || !found.isTuple()) return false;
  return std::ranges::equal(expected.toTupleRef().elements(), found.toTupleRef().elements(),
                            [](const c10::IValue& a, const c10::IValue& b) { return are_close(a, b); });
}

/// The output of the network as it is; none if it fails, which is for the first batch to report.
std::optional<c10::IValue> plain_output(const std::shared_ptr<Graph>& graph, const at::Tensor& crop) {
  try {
    return run_code(Code(graph, "forward"), crop);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<FusedNetwork> FusedNetwork::make(const torch::jit::Module& module, const ModelInfo& info) {
  if (!at::hasMKLDNN() || !at::globalContext().userEnabledMkldnn()) return std::nullopt;
  auto graph = graph_of(module);
  if (!graph || !may_gain(*graph)) return std::nullopt;
  const auto note = [&](const std::string& why) {
    log(LogLevel::info, "model \"" + info.name + "\" runs without fused operators, a little slower: with them it " + why);
  };
  const at::Tensor crop = noise(info.input, 1);
  const auto expected = plain_output(graph, crop.clone());  // a clone, as a network may write to its input
  if (!expected) return std::nullopt;
  try {
    free_views(graph);
    const at::Tensor first = noise(info.input, 2);  // another one, as the first run decides what oneDNN keeps
    graph = recorded(graph, channels_last(first));
    if (fuse(graph) == 0) return std::nullopt;
    FusedNetwork network(Code(graph, "forward"), at::get_num_threads());
    (void)network.run(first);
    if (are_close(*expected, network.run(crop))) return network;
    note("gives other numbers");
  } catch (const std::exception& error) {
    note(std::string("fails (") + error.what() + ")");
  }
  return std::nullopt;
}

bool FusedNetwork::fits() const { return at::get_num_threads() == threads_; }

c10::IValue FusedNetwork::run(const at::Tensor& crop) const { return run_code(code_, channels_last(crop)); }

}  // namespace posekit::inline v0
