/// What kind of file a model is, before Torch opens it.
#pragma once

#include "model/model_source.h"

namespace posekit::inline v0 {

/// The formats that a backend runs.
enum class FileFormat { torchscript };

/// Recognises a model's format. The first bytes are read, and of zip archives the list of names; nothing is run.
/// @throws Error not_found, io, invalid_argument, unsupported_model or invalid_model that says what the file is and what to do
[[nodiscard]] FileFormat recognise_format(const ModelSource& model);

}  // namespace posekit::inline v0
