/// Several copies of one model that share the work.
#pragma once

#include <memory>
#include <vector>

#include "backend/model_backend.h"

namespace posekit::inline v0 {

/// A backend that gives each batch to the replica with the least to do. Each replica has a thread that waits for its device or, on the CPU,
/// runs the model. At most two batches wait at a replica; callers that want to add one wait first come first served. A replica whose device
/// is lost gets nothing more while there is another.
/// @param replicas not empty; loaded from one file with the same options, all on CPUs or all on CUDA devices
/// @throws Error out_of_memory if a thread can't be started
[[nodiscard]] std::shared_ptr<ModelBackend> make_replica_set(std::vector<std::shared_ptr<ModelBackend>> replicas);

}  // namespace posekit::inline v0
