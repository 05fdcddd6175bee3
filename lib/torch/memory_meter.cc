/// Measures what a network takes of its device's memory, by the hook that Torch has for its profiler: it serves every allocator.
#include "torch/memory_meter.h"

#include <ATen/record_function.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <string>

#include "host/host_memory.h"
#include "torch/device.h"
#include "torch/runtime.h"

namespace posekit::inline v0 {
namespace {

class Count final : public c10::MemoryReportingInfoBase {
 public:
  explicit Count(c10::Device device) : device_(device) {}

  void reportMemoryUsage(void* /*memory*/, std::int64_t bytes, std::size_t /*allocated*/, std::size_t /*reserved*/,
                         c10::Device device) override {
    if (device != device_) return;
    held += bytes;
    most = std::max(most, held);
  }
  bool memoryProfilingEnabled() const override { return true; }

  std::int64_t held = 0;  ///< May fall below 0 as older memory is freed.
  std::int64_t most = 0;

 private:
  c10::Device device_;
};

class TorchMemoryMeter final : public MemoryMeter {
 public:
  explicit TorchMemoryMeter(const Network& network)
      : network_(network), count_(std::make_shared<Count>(network.device())), hook_(c10::DebugInfoKind::PROFILER_STATE, count_) {}

  std::uint64_t weights() const override {
    return in_torch("the weights of model \"" + network_.info().name + "\" can't be measured", ErrorCode::internal,
                    [&] { return std::uint64_t{network_.weight_bytes()}; });
  }

  std::uint64_t peak_of(const std::function<void()>& work) override {
    const std::int64_t before = count_->most = count_->held;
    work();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(count_->most - before, 0));
  }

  std::optional<std::uint64_t> available() const override {
    if (network_.device().is_cpu()) return available_host_memory();
    return in_torch("the memory of \"" + network_.device().str() + "\" can't be measured", ErrorCode::device_unavailable,
                    [&] { return available_memory(network_.device()); });
  }

 private:
  const Network& network_;
  std::shared_ptr<Count> count_;
  at::DisableRecordFunctionGuard no_profiler_;  ///< A profiler of the caller's would take the hook for a state of its own.
  c10::DebugInfoGuard hook_;
};

}  // namespace

std::unique_ptr<MemoryMeter> make_memory_meter(const Network& network) { return std::make_unique<TorchMemoryMeter>(network); }

}  // namespace posekit::inline v0
