/// Streams, events and pinned memory of one device, and CUDA itself: the only place that knows it.
#include "torch/device.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>
#include <c10/util/accumulate.h>

#ifdef POSEKIT_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <utility>
#endif

namespace posekit::inline v0 {
namespace {

void check(const CudaCalls& calls, int error) { TORCH_CHECK(error == 0, "CUDA error: ", calls.error_text(error)); }

/// While it lives, a device is this thread's current one.
class CurrentDevice {
 public:
  /// @throws c10::Error if it can't be
  CurrentDevice(CudaCalls& calls, int index) : calls_(calls) { check(calls, calls.exchange_device(index, before_)); }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;
  ~CurrentDevice() { calls_.restore_device(before_); }

 private:
  CudaCalls& calls_;
  int before_ = 0;
};

/// Runs work on a device where nothing may be thrown; not at all if the device can't be made the current one.
template <class Work>
void quietly_on(CudaCalls& calls, int index, const Work& work) noexcept {
  int before = 0;
  if (calls.exchange_device(index, before) != 0) return;
  work();
  calls.restore_device(before);
}

}  // namespace

DeviceStreams::DeviceStreams(c10::Device device, Task task) : device_(device) {
  if (!device.is_cuda()) return;
  calls_ = cuda_calls();
  index_ = device.index();  // NOLINT(bugprone-signed-char-misuse): a small number
  make_streams(task);
}

DeviceStreams::DeviceStreams(CudaCalls& calls, int index, Task task) : device_(c10::kCPU), calls_(&calls), index_(index) {
  make_streams(task);
}

void DeviceStreams::make_streams(Task task) {
  streams_ = {calls_->stream_from_pool(task == Task::detect, index_), calls_->stream_from_pool(false, index_),
              calls_->stream_from_pool(true, index_)};
}

at::Tensor DeviceStreams::host_tensor(c10::IntArrayRef sizes, c10::ScalarType type) const {
  const auto options = c10::TensorOptions().device(c10::kCPU).dtype(type);
  const std::size_t bytes = static_cast<std::size_t>(c10::multiply_integers(sizes)) * c10::elementSize(type);
  if (calls_ == nullptr || bytes == 0) return at::empty(sizes, options);
  const CurrentDevice guard(*calls_, index_);
  void* memory = nullptr;
  check(*calls_, calls_->host_alloc(memory, bytes));
  const auto release = [calls = calls_, index = index_](void* to_free) noexcept {
    quietly_on(*calls, index, [&] { (void)calls->free_host(to_free); });
  };
  return at::from_blob(memory, sizes, release, options);
}

void DeviceStreams::synchronize() const {
  if (calls_ == nullptr) return;
  const CurrentDevice guard(*calls_, index_);
  check(*calls_, calls_->device_synchronize());
}

bool DeviceStreams::lost() const noexcept {
  if (calls_ == nullptr) return false;
  bool failed = true;
  quietly_on(*calls_, index_, [&] { failed = calls_->stream_query(of(StreamRole::compute).handle) != 0; });
  return failed;
}

DeviceEvent::~DeviceEvent() {
  if (event_ != nullptr) quietly_on(*calls_, index_, [&] { (void)calls_->event_destroy(event_); });
}

void DeviceEvent::record_in(const DeviceStreams& streams, void* stream) {
  if (streams.calls_ == nullptr) return;
  calls_ = streams.calls_;
  index_ = streams.index_;
  const CurrentDevice guard(*calls_, index_);
  if (event_ == nullptr) check(*calls_, calls_->event_create(event_));
  check(*calls_, calls_->event_record(event_, stream));
}

void DeviceEvent::record(const DeviceStreams& streams, StreamRole role) { record_in(streams, streams.of(role).handle); }
void DeviceEvent::record_on(const DeviceStreams& streams, void* stream) { record_in(streams, stream); }

void DeviceEvent::make_stream_wait(const DeviceStreams& streams, StreamRole role) {
  if (event_ == nullptr) return;
  const CurrentDevice guard(*calls_, index_);
  check(*calls_, calls_->stream_wait_event(streams.of(role).handle, event_));
}

void DeviceEvent::wait() {
  if (event_ == nullptr) return;
  const CurrentDevice guard(*calls_, index_);
  check(*calls_, calls_->event_synchronize(event_));
}

#ifdef POSEKIT_CUDA

namespace {

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

/// CUDA's runtime, by way of Torch's functions where these know more.
class RealCudaCalls final : public CudaCalls {
 public:
  int exchange_device(int device, int& before) override {
    c10::DeviceIndex current = 0;
    const int error = cleared(c10::cuda::GetDevice(&current));
    before = current;
    return error != 0 ? error : cleared(c10::cuda::SetDevice(static_cast<c10::DeviceIndex>(device)));
  }
  void restore_device(int device) noexcept override { (void)cleared(c10::cuda::MaybeSetDevice(static_cast<c10::DeviceIndex>(device))); }
  Stream stream_from_pool(bool high_priority, int device) override {
    const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(high_priority, static_cast<c10::DeviceIndex>(device));
    return {.handle = stream.stream(), .torch = stream.unwrap()};
  }
  int event_create(void*& event) override {
    cudaEvent_t made = nullptr;
    const int error = cleared(cudaEventCreateWithFlags(&made, cudaEventDisableTiming | cudaEventBlockingSync));
    event = made;
    return error;
  }
  int event_destroy(void* event) override { return cleared(cudaEventDestroy(static_cast<cudaEvent_t>(event))); }
  int event_record(void* event, void* stream) override {
    return cleared(cudaEventRecord(static_cast<cudaEvent_t>(event), static_cast<cudaStream_t>(stream)));
  }
  int event_synchronize(void* event) override { return cleared(cudaEventSynchronize(static_cast<cudaEvent_t>(event))); }
  int stream_wait_event(void* stream, void* event) override {
    return cleared(cudaStreamWaitEvent(static_cast<cudaStream_t>(stream), static_cast<cudaEvent_t>(event), 0));
  }
  int stream_query(void* stream) override {
    const cudaError_t state = cudaStreamQuery(static_cast<cudaStream_t>(stream));
    return state == cudaErrorNotReady ? cudaSuccess : cleared(state);
  }
  int device_synchronize() override { return cleared(cudaDeviceSynchronize()); }
  int host_alloc(void*& memory, std::size_t bytes) override { return cleared(cudaHostAlloc(&memory, bytes, cudaHostAllocDefault)); }
  int free_host(void* memory) override { return cleared(cudaFreeHost(memory)); }
  std::string error_text(int error) const override { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

 private:
  static int cleared(cudaError_t error) noexcept {
    if (error != cudaSuccess) (void)cudaGetLastError();  // else the next call of anyone reports it
    return error;
  }
};

std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

}  // namespace

CudaCalls* cuda_calls() noexcept {
  static RealCudaCalls calls;
  return &calls;
}

CudaDevices cuda_devices() {
  int count = 0;
  const cudaError_t error = c10::cuda::GetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return {.count = count, .why_none = {}, .broken = false};
  (void)cudaGetLastError();  // clears the error, which the next call would report
  int driver = 0;
  int runtime = 0;
  (void)cudaDriverGetVersion(&driver);
  (void)cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return {.count = 0, .why_none = "there is no NVIDIA driver: install one", .broken = false};
  const auto broken = [](std::string why) { return CudaDevices{.count = 0, .why_none = std::move(why), .broken = true}; };
  if (error == cudaErrorInsufficientDriver) {
    return broken("the NVIDIA driver is too old: it knows CUDA " + version_text(driver) + ", this posekit's Torch needs " +
                  version_text(runtime) + ": install a newer driver");
  }
  if (error == cudaSuccess || error == cudaErrorNoDevice) {
    return {.count = 0, .why_none = "the NVIDIA driver sees no device: see nvidia-smi and CUDA_VISIBLE_DEVICES", .broken = false};
  }
  if (error == cudaErrorInitializationError) {
    return broken("CUDA can't start (" + std::string(cudaGetErrorString(error)) +
                  "), as in a process that was forked after CUDA had been used: start processes by spawn, and see nvidia-smi");
  }
  return broken(std::string("CUDA can't start (") + cudaGetErrorString(error) + "): see nvidia-smi");
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

CudaCalls* cuda_calls() noexcept { return nullptr; }

CudaDevices cuda_devices() {
  return {.count = 0, .why_none = "this posekit was built without it: build it with POSEKIT_CUDA=ON", .broken = false};
}

std::uint64_t total_memory(c10::Device /*device*/) { return 0; }
std::uint64_t available_memory(c10::Device /*device*/) { return 0; }
void release_cached_memory(c10::Device /*device*/) noexcept {}
void limit_memory(c10::Device /*device*/, double /*fraction*/) {}

#endif

}  // namespace posekit::inline v0
