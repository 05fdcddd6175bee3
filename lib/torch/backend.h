/// Runs a loaded TorchScript module.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>
#include <torch/csrc/jit/api/module.h>

#include <memory>

#include "backend/model_backend.h"

namespace posekit::inline v0 {

/// @param module in eval mode, on the device, in the type
[[nodiscard]] std::shared_ptr<ModelBackend> make_torchscript_backend(torch::jit::Module module, ModelInfo info, c10::Device device,
                                                                     c10::ScalarType type);

}  // namespace posekit::inline v0
