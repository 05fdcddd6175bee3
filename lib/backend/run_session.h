/// Sessions on any backend, those too that run on the thread that calls them.
#pragma once

#include <memory>

#include "backend/model_backend.h"

namespace posekit::inline v0 {

/// The backend's own session or, where the model runs on the caller's thread, one whose `collect` runs the batch, on the thread that calls
/// it.
/// @param slots how many batches may wait for that
[[nodiscard]] std::unique_ptr<BatchSession> open_session_on(ModelBackend& backend, const DecodeRequest& request, std::size_t slots = 1);

}  // namespace posekit::inline v0
