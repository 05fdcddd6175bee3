/// Opens a TorchScript archive together with its metadata.
#pragma once

#include <c10/core/Device.h>
#include <torch/csrc/jit/api/module.h>

#include "model/model_source.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

struct ModelFile {
  torch::jit::Module module;  ///< In the file's own types, in eval mode.
  ModelInfo info;
};

/// Kind → checksum → Torch's version → metadata given or beside it → load → metadata in the archive.
/// @param device where the weights go straight away, and with them the constants in the network's code, which Module::to would leave behind
/// @throws Error as PoseEstimator's constructor
[[nodiscard]] ModelFile open_model_file(const ModelSource& source, const ModelOptions& options, c10::Device device);

}  // namespace posekit::inline v0
