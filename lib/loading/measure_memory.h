/// What a model takes of its device's memory.
#pragma once

#include "backend/model_backend.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

/// Runs batches of one and two to see what they take. @throws Error as Model::measure_memory
[[nodiscard]] MemoryReport measure_memory(ModelBackend& backend);

}  // namespace posekit::inline v0
