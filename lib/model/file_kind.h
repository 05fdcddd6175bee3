/// What kind of file a model is, before Torch opens it.
#pragma once

#include "model/model_source.h"

namespace posekit::inline v0 {

/// Lets TorchScript archives pass. The first bytes are read, and of zip archives the list of names; nothing is run.
/// @throws Error not_found, io, unsupported_model or invalid_model that says what the file is and what to do
void check_is_torchscript(const ModelSource& model);

}  // namespace posekit::inline v0
