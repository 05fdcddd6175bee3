/// What a network's code says about itself.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>

#include "backend/backend_library.h"

namespace posekit::inline v0 {

/// What training alone does, if the code of `forward` does it: "dropout that is switched on (aten::dropout)"; else empty. Code that may
/// not run, in a branch, is not looked at.
[[nodiscard]] std::string training_in(const torch::jit::Module& module);

/// What the code of `forward` says about batches.
[[nodiscard]] BatchTraits batch_traits_of(const torch::jit::Module& module);

}  // namespace posekit::inline v0
