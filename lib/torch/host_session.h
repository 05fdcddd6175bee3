/// A session on the CPU: a batch is computed by the thread that collects it.
#pragma once

#include <memory>

#include "backend/model_backend.h"
#include "torch/network.h"

namespace posekit::inline v0 {

/// @param network outlives the session
[[nodiscard]] std::unique_ptr<BatchSession> open_host_session(const Network& network, const DecodeRequest& request);

}  // namespace posekit::inline v0
