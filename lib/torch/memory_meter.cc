/// Counts what Torch takes of a device's memory, by the hook that Torch has for its profiler: it serves every allocator.
#include "backend/memory_meter.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>

#include "host/host_memory.h"
#include "torch/device.h"
#include "torch/errors.h"
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

c10::Device one_device(const std::string& option) {
  const std::vector<c10::Device> devices = resolve_devices(option);
  if (devices.size() == 1) return devices.front();
  throw Error(ErrorCode::invalid_argument, "device \"" + option + "\" was given, but memory is measured on one: name it alone");
}

std::uint64_t not_below_zero(std::int64_t bytes) { return static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)); }

}  // namespace

struct MemoryMeter::Impl {
  explicit Impl(c10::Device place)
      : device(place), count(std::make_shared<Count>(place)), hook(c10::DebugInfoKind::PROFILER_STATE, count) {}

  c10::Device device;
  std::shared_ptr<Count> count;
  c10::DebugInfoGuard hook;
};

MemoryMeter::MemoryMeter(const std::string& device) : impl_(std::make_unique<Impl>(one_device(device))) {}
MemoryMeter::~MemoryMeter() = default;

std::uint64_t MemoryMeter::held() const noexcept { return not_below_zero(impl_->count->held); }

std::uint64_t MemoryMeter::peak_of(const std::function<void()>& work) {
  Count& count = *impl_->count;
  const std::int64_t before = count.most = count.held;
  work();
  return not_below_zero(count.most - before);
}

std::optional<std::uint64_t> MemoryMeter::available() const {
  if (impl_->device.is_cpu()) return available_host_memory();
  return translate("the memory of \"" + device_name(impl_->device) + "\" can't be told", ErrorCode::device_unavailable,
                   [&] { return available_memory(impl_->device); });
}

}  // namespace posekit::inline v0
