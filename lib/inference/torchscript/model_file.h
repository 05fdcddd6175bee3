/// Opens a TorchScript file together with its metadata.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <filesystem>

#include "posekit/model.h"

namespace posekit::inline v0 {

struct ModelFile {
  torch::jit::Module module;  ///< On the CPU, in the file's own types, in eval mode.
  ModelInfo info;
};

/// File kind → checksum → Torch's version → metadata given or beside it → load → metadata in the archive.
/// @throws Error as PoseEstimator's constructor
[[nodiscard]] ModelFile open_model_file(const std::filesystem::path& path, const ModelOptions& options);

}  // namespace posekit::inline v0
