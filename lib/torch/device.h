/// Streams, events and pinned memory of one device. On the CPU there are none, and everything happens at once.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "posekit/model_info.h"
#include "torch/cuda_calls.h"

namespace posekit::inline v0 {

/// What runs beside what.
enum class StreamRole : std::uint8_t {
  compute,  ///< Normalisation, forward, reduction, download of the records.
  copy,     ///< Uploads.
  full_map  ///< The few channels that the peak's surroundings do not decide; does not queue behind the next batch's forward.
};

/// The streams of one device. Immutable, safe to share.
class DeviceStreams {
 public:
  /// @param task of the model: a detector's short forwards go before those of pose models, which wait for its boxes
  DeviceStreams(c10::Device device, Task task);
  /// For tests: streams of what is not CUDA. @param calls outlives them
  DeviceStreams(CudaCalls& calls, int index, Task task);

  /// As Torch knows it; none on the CPU.
  [[nodiscard]] std::optional<c10::Stream> stream(StreamRole role) const noexcept { return of(role).torch; }
  /// Memory on the host that the device copies from and to: of exactly this size, page-locked, posekit's own. Freeing it never throws:
  /// where the device is lost, it stays. @throws c10::Error if there is none
  [[nodiscard]] at::Tensor host_tensor(c10::IntArrayRef sizes, c10::ScalarType type) const;
  /// Waits until the device has done all that it was given, by anyone.
  void synchronize() const;
  /// Whether the device has failed for good: after a fault of a kernel every later call fails too.
  [[nodiscard]] bool lost() const noexcept;

 private:
  friend class DeviceEvent;
  [[nodiscard]] const CudaCalls::Stream& of(StreamRole role) const noexcept { return streams_[static_cast<std::size_t>(role)]; }
  void make_streams(Task task);

  c10::Device device_;
  CudaCalls* calls_ = nullptr;  ///< None on the CPU.
  int index_ = 0;
  std::array<CudaCalls::Stream, 3> streams_;
};

/// While it lives, what this thread gives Torch goes to one stream.
class StreamGuard {
 public:
  StreamGuard(const DeviceStreams& streams, StreamRole role) : guard_(streams.stream(role)) {}

 private:
  c10::OptionalStreamGuard guard_;
};

/// A mark in a stream of one device. For one thread at a time. On the CPU it has always been passed.
class DeviceEvent {
 public:
  DeviceEvent() = default;
  DeviceEvent(const DeviceEvent&) = delete;
  DeviceEvent& operator=(const DeviceEvent&) = delete;
  ~DeviceEvent();

  /// Sets the mark behind what the stream has been given.
  void record(const DeviceStreams& streams, StreamRole role);
  /// Sets the mark behind what a stream of a caller's own, a cudaStream_t, has been given; null: the default stream.
  void record_on(const DeviceStreams& streams, void* stream);
  /// What the stream is given from now on waits for the mark; the caller does not.
  void make_stream_wait(const DeviceStreams& streams, StreamRole role);
  /// Waits, asleep, until the mark is passed.
  void wait();

 private:
  void record_in(const DeviceStreams& streams, void* stream);

  void* event_ = nullptr;  ///< A cudaEvent_t, once it was recorded.
  CudaCalls* calls_ = nullptr;
  int index_ = 0;  ///< Of its device, which has to be the current one in every call.
};

/// How many CUDA devices there are.
struct CudaDevices {
  int count = 0;
  std::string why_none;  ///< If there are none.
  bool broken = false;   ///< There is a driver, and it can't be used.
};
[[nodiscard]] CudaDevices cuda_devices();

/// Bytes of memory that a CUDA device has.
[[nodiscard]] std::uint64_t total_memory(c10::Device device);
/// Bytes of it that this process can still take by Torch's allocator: free, within limit_memory's limit, or kept for reuse.
[[nodiscard]] std::uint64_t available_memory(c10::Device device);
/// Gives back what Torch's allocator keeps for reuse, on every CUDA device and for other users of Torch too; does nothing for a CPU.
void release_cached_memory(c10::Device device) noexcept;
/// Limits what Torch's allocator takes of a CUDA device's memory. @param fraction 0..1 of total_memory
void limit_memory(c10::Device device, double fraction);

}  // namespace posekit::inline v0
