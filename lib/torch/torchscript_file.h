/// Opens TorchScript archives.
#pragma once

#include <memory>

#include "backend/backend_library.h"

namespace posekit::inline v0 {

/// Runs code from the file. @throws Error invalid_model, unsupported_model, out_of_memory
[[nodiscard]] std::unique_ptr<ModelFile> open_torchscript(const ModelSource& source, Device device);

}  // namespace posekit::inline v0
