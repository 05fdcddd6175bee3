/// A network on one device.
#include "torch/backend.h"

#include <utility>

#include "torch/host_session.h"
#include "torch/memory_meter.h"
#include "torch/runtime.h"

namespace posekit::inline v0 {

TorchBackend::TorchBackend(std::shared_ptr<const Program> program, const ModelInfo& info, Device device, c10::ScalarType type,
                           std::size_t max_batch)
    : device_(device), max_batch_(max_batch), replica_(std::move(program), info, torch_device(device), type) {}

std::unique_ptr<BatchSession> TorchBackend::open_session(const DecodeRequest& request) {
  return on_cpu() ? open_host_session(replica_.network, request) : open_device_session(replica_, request);
}

void TorchBackend::release_cached() noexcept { release_cached_memory(replica_.network.device()); }

std::unique_ptr<MemoryMeter> TorchBackend::memory() { return make_memory_meter(replica_.network); }

}  // namespace posekit::inline v0
