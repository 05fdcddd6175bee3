/// Torch's process-wide state, as posekit sees it.
#pragma once

#include <c10/core/Device.h>

#include "posekit/device.h"

namespace posekit::inline v0 {

/// Lets Torch settle this thread's number of intra-op threads before anything is computed on it; costs nothing after the first time.
/// Without it a forward in a fresh thread starts with the default number (measured with Torch 2.13).
void init_torch_thread();

/// @throws Error internal if the Torch that runs differs in major or minor version from the one posekit was built for
void check_torch_version();

/// A device as Torch names it.
[[nodiscard]] c10::Device torch_device(Device device);

}  // namespace posekit::inline v0
