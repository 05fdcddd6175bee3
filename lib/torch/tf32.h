/// Whether a network's convolutions may use TF32.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <cstddef>

namespace posekit::inline v0 {

/// A traced network carries the flag of the process it was traced in as a constant, the last input of aten::_convolution. Sets it, in all
/// of the module's methods. Convolutions of scripted code have no such constant: they ask the process. Call it before the first forward.
/// @return how many convolutions were changed
std::size_t set_tf32_of_convolutions(const torch::jit::Module& module, bool allowed);

}  // namespace posekit::inline v0
