/// A session on a device: batches that are uploaded, computed and reduced beside the caller's thread.
#pragma once

#include <deque>
#include <memory>

#include "backend/model_backend.h"
#include "execution/fifo_mutex.h"
#include "torch/device.h"
#include "torch/network.h"

namespace posekit::inline v0 {

/// A network on its device, and who may use it when. Shared by all sessions.
struct Replica {
  Replica(std::shared_ptr<const Program> program, const ModelInfo& info, c10::Device device, c10::ScalarType type);
  /// @param made the device's; for tests: those of what is not CUDA
  Replica(std::shared_ptr<const Program> program, ModelInfo info, c10::Device device, c10::ScalarType type, const DeviceStreams& made);

  Network network;
  DeviceStreams streams;
  FifoMutex order;  ///< Its holder may give the compute stream a batch.
  /// Ends of the batches that the compute stream has been given, oldest first; for the holder of `order`. They are few: long waits are
  /// waits for `order`, which can be cancelled.
  std::deque<std::shared_ptr<DeviceEvent>> under_way;
};

/// Works on the CPU too, where everything happens in `submit`: tests run what a GPU runs.
/// @throws Error out_of_memory, internal; device_unavailable if the device is lost
[[nodiscard]] std::unique_ptr<BatchSession> open_device_session(Replica& replica, const DecodeRequest& request);

}  // namespace posekit::inline v0
