/// Which metadata counts: given, sidecar, or in the archive.
#pragma once

#include <optional>
#include <string>

#include "model/model_source.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

/// The metadata that is known without opening the model: what the options give, else, of a file, the sidecar
/// MODEL.posekit.json.
/// @return none if there is neither
/// @throws Error not_found (file or preset), io, invalid_model
[[nodiscard]] std::optional<ModelInfo> find_metadata(const ModelSource& model, const ModelOptions& options);

/// Says that a model has no metadata, and lists the presets: those with that many keypoints, or else all.
/// @param channels the number of heatmaps as the weights' shapes suggest it, if they do
[[noreturn]] void fail_without_metadata(const ModelSource& model, std::optional<std::size_t> channels);

}  // namespace posekit::inline v0
