/// All nodes of a module's code.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace posekit::inline v0 {

/// The nodes of all methods of the module and its parts, with those in branches, loops and forks; what is called is inlined first. Each
/// node comes after those it uses.
[[nodiscard]] std::vector<torch::jit::Node*> nodes_of(const torch::jit::Module& module);
/// Those of one method's graph, which is inlined first.
[[nodiscard]] std::vector<torch::jit::Node*> nodes_of(torch::jit::Graph& graph);

/// The constant that is a node's input; none if it is computed, or there is no such input.
[[nodiscard]] std::optional<c10::IValue> constant_input(const torch::jit::Node& node, std::size_t position);

}  // namespace posekit::inline v0
