/// A session of a TorchScript module: batches that are uploaded, computed and reduced beside the caller's thread.
#pragma once

#include <memory>

#include "execution/turns.h"
#include "inference/torchscript/device.h"
#include "inference/torchscript/network.h"

namespace posekit::inline v0 {

/// A network on its device, and who may use it when. Shared by all sessions.
struct Replica {
  Replica(torch::jit::Module module, ModelInfo info, c10::Device device, c10::ScalarType type);

  Network network;
  DeviceStreams streams;
  Turns places{
      BatchSession::slots};  ///< Batches that the device has at most, so that whoever waits longer waits where it can be cancelled.
  Turns entry;               ///< One batch at a time is given to the compute lane.
};

/// Works on the CPU too, where everything happens in `submit`: tests run what a GPU runs.
/// @throws Error out_of_memory
[[nodiscard]] std::unique_ptr<BatchSession> open_torch_session(Replica& replica, const OutputPlan& plan);

}  // namespace posekit::inline v0
