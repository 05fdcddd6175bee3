/// The calls of CUDA that posekit makes itself for streams, events and pinned memory. Tests put others in their stead, which work on a CPU.
#pragma once

#include <c10/core/Stream.h>

#include <cstddef>
#include <optional>
#include <string>

namespace posekit::inline v0 {

/// As the functions of CUDA's runtime of like names; what returns an int returns a cudaError_t, and leaves no error behind for the next
/// call. Thread-safe.
class CudaCalls {
 public:
  /// A stream, also as Torch knows it: none in tests.
  struct Stream {
    void* handle = nullptr;  ///< A cudaStream_t.
    std::optional<c10::Stream> torch;
  };

  CudaCalls() = default;
  CudaCalls(const CudaCalls&) = delete;
  CudaCalls& operator=(const CudaCalls&) = delete;
  virtual ~CudaCalls() = default;

  /// Makes a device this thread's current one. @param before the one that it was
  virtual int exchange_device(int device, int& before) = 0;
  /// Makes it the current one again; where it has no context, none is made. After an error nothing can be done.
  virtual void restore_device(int device) noexcept = 0;
  virtual Stream stream_from_pool(bool high_priority, int device) = 0;

  // On the current device.
  virtual int event_create(void*& event) = 0;  ///< Without times; waiting for it does not spin.
  virtual int event_destroy(void* event) = 0;
  virtual int event_record(void* event, void* stream) = 0;
  virtual int event_synchronize(void* event) = 0;
  virtual int stream_wait_event(void* stream, void* event) = 0;
  virtual int stream_query(void* stream) = 0;
  virtual int device_synchronize() = 0;
  virtual int host_alloc(void*& memory, std::size_t bytes) = 0;  ///< Page-locked.
  virtual int free_host(void* memory) = 0;

  [[nodiscard]] virtual std::string error_text(int error) const = 0;
};

/// CUDA itself. Null: this posekit was built without it.
[[nodiscard]] CudaCalls* cuda_calls() noexcept;

}  // namespace posekit::inline v0
