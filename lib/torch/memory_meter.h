/// Measures what a network takes of its device's memory.
#pragma once

#include <memory>

#include "backend/memory_meter.h"
#include "torch/network.h"

namespace posekit::inline v0 {

/// @param network outlives the meter
[[nodiscard]] std::unique_ptr<MemoryMeter> make_memory_meter(const Network& network);

}  // namespace posekit::inline v0
