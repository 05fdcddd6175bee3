/// What callers do with a device beside posekit.
#include "support/caller_device.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "posekit/device.h"
#include "posekit/runtime.h"
#include "support/resident.h"
#include "torch/backend.h"
#include "torch/device.h"

#ifdef POSEKIT_CUDA
#include <ATen/cuda/Sleep.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <map>
#include <mutex>
#include <random>
#endif

namespace posekit_test {
namespace {

using HostBytes = std::unique_ptr<std::uint8_t, void (*)(std::uint8_t*)>;

HostBytes on_host(std::span<const std::uint8_t> values) {
  HostBytes bytes(new std::uint8_t[values.size()], [](std::uint8_t* there) { delete[] there; });
  std::ranges::copy(values, bytes.get());
  return bytes;
}

std::size_t reserved_by_process() { return static_cast<std::size_t>(status_kilobytes("VmSize:")) * 1024; }

void limit_process_to(std::size_t more_bytes) {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0) throw std::system_error(errno, std::generic_category(), "getrlimit");
  limit.rlim_cur = reserved_by_process() + more_bytes;
  if (setrlimit(RLIMIT_AS, &limit) != 0) throw std::system_error(errno, std::generic_category(), "setrlimit");
}

}  // namespace

#ifdef POSEKIT_CUDA

namespace {

void check(cudaError_t error) { C10_CUDA_CHECK(error); }

/// -1: the CPU.
int index_of(const std::string& device) { return device == "cpu" ? -1 : posekit::parse_devices(device).front().index; }

/// Spins on a stream of the current device.
void spin(c10::cuda::CUDAStream stream, std::chrono::microseconds time) {
  int kilohertz = 0;
  check(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, stream.device_index()));
  const c10::cuda::CUDAStreamGuard guard(stream);
  at::cuda::sleep(std::int64_t{kilohertz} * time.count() / 1000);
}

}  // namespace

DeviceBytes::DeviceBytes(const std::string& device, std::span<const std::uint8_t> values) : data_(on_host(values)), size_(values.size()) {
  const int index = index_of(device);
  if (index < 0) return;
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
  void* memory = nullptr;
  check(cudaMalloc(&memory, size_));
  data_ = {static_cast<std::uint8_t*>(memory), [](std::uint8_t* there) { (void)cudaFree(there); }};
  check(cudaMemcpy(memory, values.data(), size_, cudaMemcpyHostToDevice));
}

struct CallerStream::State {
  cudaStream_t stream = nullptr;
  std::vector<void*> pinned;  ///< What is copied from; a copy from other memory would wait.
};

CallerStream::CallerStream(const std::string& device) : state_(std::make_unique<State>()) {
  if (index_of(device) >= 0) check(cudaStreamCreateWithFlags(&state_->stream, cudaStreamNonBlocking));
}

CallerStream::~CallerStream() {
  if (state_->stream != nullptr) {
    (void)cudaStreamSynchronize(state_->stream);
    (void)cudaStreamDestroy(state_->stream);
  }
  for (void* memory : state_->pinned) (void)cudaFreeHost(memory);
}

void* CallerStream::handle() const noexcept { return state_->stream; }

void CallerStream::sleep(std::chrono::milliseconds time) {
  if (state_->stream != nullptr) spin(c10::cuda::getStreamFromExternal(state_->stream, 0), time);
}

void CallerStream::write(const DeviceBytes& to, std::span<const std::uint8_t> values) {
  if (state_->stream == nullptr) {
    std::ranges::copy(values, to.data());
    return;
  }
  void* memory = nullptr;
  check(cudaHostAlloc(&memory, values.size(), cudaHostAllocDefault));
  state_->pinned.push_back(memory);
  std::ranges::copy(values, static_cast<std::uint8_t*>(memory));
  check(cudaMemcpyAsync(to.data(), memory, values.size(), cudaMemcpyHostToDevice, state_->stream));
}

void CallerStream::fill(const DeviceBytes& to, std::uint8_t value) {
  if (state_->stream == nullptr) {
    std::fill_n(to.data(), to.size(), value);
  } else {
    check(cudaMemsetAsync(to.data(), value, to.size(), state_->stream));
  }
}

void CallerStream::wait() {
  if (state_->stream != nullptr) check(cudaStreamSynchronize(state_->stream));
}

bool CallerStream::idle() const {
  if (state_->stream == nullptr) return true;
  const cudaError_t state = cudaStreamQuery(state_->stream);
  if (state == cudaErrorNotReady) {
    (void)cudaGetLastError();
    return false;
  }
  check(state);
  return true;
}

int cuda_device_count() { return posekit::cuda_devices().count; }

std::size_t bytes_in_use(const std::string& device) {
  if (index_of(device) < 0) return reserved_by_process();
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index_of(device)));
  return static_cast<std::size_t>(stats.allocated_bytes[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)].current);
}

std::size_t used_device_memory(const std::string& device) {
  if (index_of(device) < 0) return 0;
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index_of(device)));
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&free, &total));
  return total - free;
}

void limit_memory_to(const std::string& device, std::size_t more_bytes) {
  if (index_of(device) < 0) {
    limit_process_to(more_bytes);
    return;
  }
  c10::cuda::CUDACachingAllocator::emptyCache();  // what it keeps counts too
  posekit::set_device_memory_limit(device, bytes_in_use(device) + more_bytes);
}

struct TakenDeviceMemory::Block {
  void* memory = nullptr;
  std::unique_ptr<Block> next;
};

TakenDeviceMemory::TakenDeviceMemory(std::size_t left) {
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&free, &total));
  for (std::size_t size = free; size >= left / 4; size /= 2) {
    while (cudaMemGetInfo(&free, &total) == cudaSuccess && free >= left + size) {
      auto block = std::make_unique<Block>();
      if (cudaMalloc(&block->memory, size) != cudaSuccess) break;
      block->next = std::move(blocks_);
      blocks_ = std::move(block);
    }
    (void)cudaGetLastError();
  }
}

TakenDeviceMemory::~TakenDeviceMemory() {
  while (blocks_) {
    (void)cudaFree(blocks_->memory);
    blocks_ = std::move(blocks_->next);
  }
}

/// CUDA's own calls, with a wait of random length on the stream before and behind each mark, and behind each wait for one.
class DelayedStreams::Calls final : public posekit::CudaCalls {
 public:
  Calls(unsigned seed, std::chrono::microseconds most) : random_(seed), most_(most), real_(*posekit::cuda_calls()) {}

  int exchange_device(int device, int& before) override { return real_.exchange_device(device, before); }
  void restore_device(int device) noexcept override { real_.restore_device(device); }
  Stream stream_from_pool(bool high_priority, int device) override {
    const Stream stream = real_.stream_from_pool(high_priority, device);
    const std::lock_guard lock(mutex_);
    streams_.emplace(stream.handle, c10::cuda::CUDAStream(*stream.torch));
    return stream;
  }
  int event_create(void*& event) override { return real_.event_create(event); }
  int event_destroy(void* event) override { return real_.event_destroy(event); }
  int event_record(void* event, void* stream) override {
    delay(stream);
    const int error = real_.event_record(event, stream);
    delay(stream);
    return error;
  }
  int event_synchronize(void* event) override {
    const int error = real_.event_synchronize(event);
    delay_all();  // also the stream that has no marks
    return error;
  }
  int stream_wait_event(void* stream, void* event) override {
    const int error = real_.stream_wait_event(stream, event);
    delay(stream);
    return error;
  }
  int stream_query(void* stream) override { return real_.stream_query(stream); }
  int device_synchronize() override { return real_.device_synchronize(); }
  int host_alloc(void*& memory, std::size_t bytes) override { return real_.host_alloc(memory, bytes); }
  int free_host(void* memory) override { return real_.free_host(memory); }
  std::string error_text(int error) const override { return real_.error_text(error); }

  std::size_t waits() const {
    const std::lock_guard lock(mutex_);
    return waits_;
  }

 private:
  /// Nothing for a stream of a caller's own.
  void delay(void* stream) {
    const std::lock_guard lock(mutex_);
    if (const auto found = streams_.find(stream); found != streams_.end()) delay(found->second);
  }
  void delay_all() {
    const std::lock_guard lock(mutex_);
    for (const auto& [handle, stream] : streams_) delay(stream);
  }
  void delay(const c10::cuda::CUDAStream& stream) {
    spin(stream, std::chrono::microseconds(std::uniform_int_distribution<std::int64_t>(0, most_.count())(random_)));
    ++waits_;
  }

  mutable std::mutex mutex_;
  std::mt19937 random_;
  std::chrono::microseconds most_;
  posekit::CudaCalls& real_;
  std::map<void*, c10::cuda::CUDAStream> streams_;
  std::size_t waits_ = 0;
};

DelayedStreams::DelayedStreams(unsigned seed, std::chrono::microseconds most) : calls_(std::make_unique<Calls>(seed, most)) {}
DelayedStreams::~DelayedStreams() = default;
void DelayedStreams::serve(posekit::ModelBackend& backend) {
  dynamic_cast<posekit::TorchBackend&>(backend.on_callers_threads()).replica().streams =
      posekit::DeviceStreams(*calls_, 0, backend.info().task());
}
std::size_t DelayedStreams::waits() const { return calls_->waits(); }

#else

DeviceBytes::DeviceBytes(const std::string& /*device*/, std::span<const std::uint8_t> values)
    : data_(on_host(values)), size_(values.size()) {}

struct CallerStream::State {};
CallerStream::CallerStream(const std::string& /*device*/) {}
CallerStream::~CallerStream() = default;
void* CallerStream::handle() const noexcept { return nullptr; }
void CallerStream::sleep(std::chrono::milliseconds /*time*/) {}
void CallerStream::write(const DeviceBytes& to, std::span<const std::uint8_t> values) { std::ranges::copy(values, to.data()); }
void CallerStream::fill(const DeviceBytes& to, std::uint8_t value) { std::fill_n(to.data(), to.size(), value); }
void CallerStream::wait() {}
bool CallerStream::idle() const { return true; }

int cuda_device_count() { return 0; }
std::size_t bytes_in_use(const std::string& /*device*/) { return reserved_by_process(); }
std::size_t used_device_memory(const std::string& /*device*/) { return 0; }
void limit_memory_to(const std::string& /*device*/, std::size_t more_bytes) { limit_process_to(more_bytes); }

// There is no device, so no test comes this far.
struct TakenDeviceMemory::Block {};
TakenDeviceMemory::TakenDeviceMemory(std::size_t /*left*/) { throw std::logic_error("built without CUDA"); }
TakenDeviceMemory::~TakenDeviceMemory() = default;
class DelayedStreams::Calls {};
DelayedStreams::DelayedStreams(unsigned /*seed*/, std::chrono::microseconds /*most*/) { throw std::logic_error("built without CUDA"); }
DelayedStreams::~DelayedStreams() = default;
void DelayedStreams::serve(posekit::ModelBackend& /*backend*/) {}
std::size_t DelayedStreams::waits() const { return 0; }

#endif

}  // namespace posekit_test
