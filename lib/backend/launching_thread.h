/// One thread that gives a device its work.
#pragma once

#include <memory>

#include "backend/model_backend.h"

namespace posekit::inline v0 {

/// A backend whose batches are submitted by one thread of its own, whichever threads call: what libraries keep for each thread, as cuDNN's
/// plans and cuBLAS' workspaces, is made once, and a caller crops the next batch while the last one is launched. One batch at most waits to
/// be launched; callers that want to add one wait first come first served. Errors of launching come out of `collect`.
/// @param device works beside its callers' threads
/// @throws Error out_of_memory if the thread can't be started
[[nodiscard]] std::shared_ptr<ModelBackend> with_launching_thread(std::shared_ptr<ModelBackend> device);

}  // namespace posekit::inline v0
