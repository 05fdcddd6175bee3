/// A network of convolutions, compiled for one crop on the CPU.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <optional>
#include <utility>

#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// A frozen network of float32 that oneDNN has compiled for one crop and a number of threads: each convolution with what follows it, and
/// with its weights in the layout that the CPU's kernels want. Immutable, safe to share.
///
/// It is what Torch's own fuser makes (torch.jit.enable_onednn_fusion), but for one graph, by posekit: nothing is switched on for the
/// process, the first batch that happens to come decides nothing, and values between the parts have the layout that they have without it.
/// In oneDNN's own layout, the fuser of Torch 2.13 gives wrong numbers: a sum overwrites a value that another branch needs.
class FusedNetwork {
 public:
  /// Runs `forward` for one crop four times: as it is, to record sizes, and fused twice. Compares.
  /// @param module on the CPU, frozen; stays as it is
  /// @return none where fusing gains nothing: no more convolutions than matrix products, code that keeps a state, a Torch without oneDNN, a
  ///         network that fails. None, with a note in the log, where it fails or gives other numbers only once it is fused
  static std::optional<FusedNetwork> make(const torch::jit::Module& module, const ModelInfo& info);

  /// Whether it was compiled for as many threads as Torch has now.
  [[nodiscard]] bool fits() const;
  /// What `forward` returns. More crops than one are no error, but slow. Torch's own exceptions pass through
  [[nodiscard]] c10::IValue run(const at::Tensor& crop) const;

 private:
  FusedNetwork(torch::jit::Code code, int threads) : code_(std::move(code)), threads_(threads) {}

  torch::jit::Code code_;
  int threads_;
};

}  // namespace posekit::inline v0
