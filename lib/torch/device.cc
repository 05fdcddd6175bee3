/// Streams, events and pinned memory of one device: the only place that knows CUDA.
#include "torch/device.h"

#ifdef POSEKIT_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#endif

namespace posekit::inline v0 {

#ifdef POSEKIT_CUDA

namespace {

cudaStream_t cuda_stream(const c10::Stream& stream) { return c10::cuda::CUDAStream(stream).stream(); }

struct DeviceMemory {
  std::uint64_t free = 0;
  std::uint64_t total = 0;
};

DeviceMemory memory_of(c10::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  std::size_t free = 0;
  std::size_t total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return {free, total};
}

/// Does nothing where Torch has done it.
void init_allocator() {
  c10::cuda::device_count_ensure_non_zero();
  c10::cuda::CUDACachingAllocator::init(c10::cuda::device_count());
}

std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

}  // namespace

DeviceStreams::DeviceStreams(c10::Device device) : device_(device) {
  if (!device.is_cuda()) return;
  const auto make = [&](bool high_priority) { return c10::cuda::getStreamFromPool(high_priority, device.index()).unwrap(); };
  streams_ = {make(false), make(false), make(true)};
}

void DeviceStreams::synchronize() const {
  if (!device_.is_cuda()) return;
  const c10::cuda::CUDAGuard guard(device_);
  c10::cuda::device_synchronize();
}

bool DeviceStreams::lost() const noexcept {
  if (!device_.is_cuda()) return false;
  try {
    const c10::cuda::CUDAGuard guard(device_);
    const cudaError_t state = cudaStreamQuery(cuda_stream(*stream(StreamRole::compute)));
    return state != cudaSuccess && state != cudaErrorNotReady;
  } catch (...) {
    return true;
  }
}

DeviceEvent::~DeviceEvent() {
  if (event_ != nullptr) (void)cudaEventDestroy(static_cast<cudaEvent_t>(event_));
}

/// On the current device.
void DeviceEvent::create() {
  if (event_ != nullptr) return;
  cudaEvent_t event = nullptr;
  C10_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync));  // blocking: waiting does not spin
  event_ = event;
}

void DeviceEvent::record(const DeviceStreams& streams, StreamRole role) {
  const auto stream = streams.stream(role);
  if (!stream) return;
  const c10::cuda::CUDAGuard guard(stream->device());
  create();
  C10_CUDA_CHECK(cudaEventRecord(static_cast<cudaEvent_t>(event_), cuda_stream(*stream)));
}

void DeviceEvent::record_on(const DeviceStreams& streams, void* stream) {
  const auto own = streams.stream(StreamRole::copy);
  if (!own) return;
  const c10::cuda::CUDAGuard guard(own->device());
  create();
  C10_CUDA_CHECK(cudaEventRecord(static_cast<cudaEvent_t>(event_), static_cast<cudaStream_t>(stream)));
}

void DeviceEvent::make_stream_wait(const DeviceStreams& streams, StreamRole role) {
  const auto stream = streams.stream(role);
  if (!stream || event_ == nullptr) return;
  const c10::cuda::CUDAGuard guard(stream->device());
  C10_CUDA_CHECK(cudaStreamWaitEvent(cuda_stream(*stream), static_cast<cudaEvent_t>(event_), 0));
}

void DeviceEvent::wait() {
  if (event_ != nullptr) C10_CUDA_CHECK(cudaEventSynchronize(static_cast<cudaEvent_t>(event_)));
}

CudaDevices cuda_devices() {
  int count = 0;
  const cudaError_t error = c10::cuda::GetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return {.count = count, .why_none = {}};
  (void)cudaGetLastError();  // clears the error, which the next call would report
  int driver = 0;
  int runtime = 0;
  (void)cudaDriverGetVersion(&driver);
  (void)cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return {.count = 0, .why_none = "there is no NVIDIA driver: install one"};
  if (error == cudaErrorInsufficientDriver) {
    return {.count = 0,
            .why_none = "the NVIDIA driver is too old: it knows CUDA " + version_text(driver) + ", this posekit's Torch needs " +
                        version_text(runtime) + ": install a newer driver"};
  }
  if (error == cudaSuccess || error == cudaErrorNoDevice) {
    return {.count = 0, .why_none = "the NVIDIA driver sees no device: see nvidia-smi and CUDA_VISIBLE_DEVICES"};
  }
  return {.count = 0, .why_none = std::string("CUDA can't start (") + cudaGetErrorString(error) + "): see nvidia-smi"};
}

std::uint64_t total_memory(c10::Device device) { return memory_of(device).total; }

std::uint64_t available_memory(c10::Device device) {
  init_allocator();
  const DeviceMemory memory = memory_of(device);
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  constexpr auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const auto used = static_cast<std::uint64_t>(stats.allocated_bytes[all].current);
  const auto kept = static_cast<std::uint64_t>(stats.reserved_bytes[all].current) - used;
  const double fraction = c10::cuda::CUDACachingAllocator::getMemoryFraction(device.index());
  const auto limit = static_cast<std::uint64_t>(fraction * static_cast<double>(memory.total));
  return std::min(memory.free + kept, limit - std::min(limit, used));
}

void release_cached_memory(c10::Device device) noexcept {
  if (!device.is_cuda()) return;
  try {
    const c10::cuda::CUDAGuard guard(device);
    c10::cuda::CUDACachingAllocator::emptyCache();
  } catch (...) {  // what follows says what is wrong with the device
  }
}

void limit_memory(c10::Device device, double fraction) {
  init_allocator();
  c10::cuda::CUDACachingAllocator::setMemoryFraction(fraction, device.index());
}

#else

DeviceStreams::DeviceStreams(c10::Device device) : device_(device) {}
void DeviceStreams::synchronize() const {}
bool DeviceStreams::lost() const noexcept { return false; }
DeviceEvent::~DeviceEvent() = default;
void DeviceEvent::create() {}
void DeviceEvent::record(const DeviceStreams& /*streams*/, StreamRole /*role*/) {}
void DeviceEvent::record_on(const DeviceStreams& /*streams*/, void* /*stream*/) {}
void DeviceEvent::make_stream_wait(const DeviceStreams& /*streams*/, StreamRole /*role*/) {}
void DeviceEvent::wait() {}

CudaDevices cuda_devices() { return {.count = 0, .why_none = "this posekit was built without it: build it with POSEKIT_CUDA=ON"}; }

std::uint64_t total_memory(c10::Device /*device*/) { return 0; }
std::uint64_t available_memory(c10::Device /*device*/) { return 0; }
void release_cached_memory(c10::Device /*device*/) noexcept {}
void limit_memory(c10::Device /*device*/, double /*fraction*/) {}

#endif

}  // namespace posekit::inline v0
