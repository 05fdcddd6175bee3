/// What a network's code and weights become when they are loaded.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>
#include <torch/csrc/jit/api/module.h>

#include <optional>
#include <string>

namespace posekit::inline v0 {

/// Freezes a module that is on the CPU: attributes become constants. Before that, devices that the code names become the CPU, and values
/// that it makes without a type, which Torch makes in the process's default type, float32. What `torch.jit.fork` ran beside the network
/// runs in it afterwards, unless futures lie in lists or branches. A module that can't be frozen keeps its attributes; that is logged. The
/// module itself is changed.
/// @param name as the log names it
/// @param cast in float32, with batch normalisation folded; false: tensors keep their types, and nothing is folded, as what is folded in
///        half precision is rounded twice
[[nodiscard]] torch::jit::Module frozen(torch::jit::Module module, const std::string& name, bool cast);

/// Brings a module, frozen or not, to a device and a type, tensor by tensor, in all of its code: floating-point tensors take both, other
/// ones the device, and devices that the code names become this one. What shares memory still does. Constants of float64 keep their type:
/// code that computes in it says so. In half precision, weights and statistics of batch normalisation that could not be folded stay
/// float32, as Torch allows. Convolutions of traced code are set to `torch_tf32()`.
/// @param type none: all tensors keep theirs
/// @throws Error invalid_model for a CUDA device if something is still forked: Torch would run it on that device's default stream
void bring_to(torch::jit::Module& module, c10::Device device, std::optional<c10::ScalarType> type);

}  // namespace posekit::inline v0
