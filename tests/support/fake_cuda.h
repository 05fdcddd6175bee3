/// A device without CUDA: what its sessions ask of CUDA, and in which order they use memory.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/model_backend.h"
#include "posekit/model_info.h"

namespace posekit_test {

/// The calls of CUDA that a device's session makes, noted and answered at once, on the CPU. Every device exists; a thread begins on device
/// 0.
///
/// It also sees which stream each of Torch's operators runs on and what memory it uses, and says which uses are in no order: those that a
/// device could do in another order than they were asked for, or at the same time. What runs under no StreamGuard runs on the default
/// stream, which no other waits for. Callers tell what they do themselves with page-locked memory and with their images. One at a time.
class FakeCuda {
 public:
  struct Notes {
    std::size_t calls = 0;
    std::size_t on_another_device = 0;  ///< For an event, a stream or memory of a device that was not the thread's current one.
    std::size_t events = 0;             ///< Alive.
    std::size_t pinned_allocations = 0;
    std::size_t pinned_bytes = 0;                  ///< Not freed.
    std::size_t uses = 0;                          ///< Of memory, by operators and callers.
    std::map<std::string, std::size_t> operators;  ///< That use memory, by the names of their streams: "default", "N", "N (high priority)".
  };

  FakeCuda();
  FakeCuda(const FakeCuda&) = delete;
  FakeCuda& operator=(const FakeCuda&) = delete;
  ~FakeCuda();

  /// Gives a model of lib/torch on the CPU the streams of such a device, once the device has done what the model's loading asked for. Must
  /// outlive the model.
  void serve(posekit::ModelBackend& backend, int device);
  /// A session on a network of the tests' own with that metadata, which such a device has just been given as it is when a model is loaded:
  /// heatmaps are the first channels of the input, weakened.
  [[nodiscard]] std::unique_ptr<posekit::BatchSession> open_on_new_replica(const posekit::ModelInfo& info, int device);
  /// All calls fail from the one of this number on, as after a fault of a kernel.
  void fail_from(std::size_t call);
  /// Only the call of this number fails, counted from now.
  void fail_once(std::size_t calls_before);
  [[nodiscard]] Notes notes() const;
  /// Of this thread.
  [[nodiscard]] static int current_device();

  /// Uses of memory that are in no order, and calls for another device than the current one, one sentence each.
  [[nodiscard]] std::vector<std::string> disorder() const;

  /// A stream of a caller's own.
  [[nodiscard]] void* new_stream(int device);
  /// Memory of a caller's, for messages.
  void lend(const void* memory, std::size_t bytes, const std::string& name);
  /// What a caller does with memory, here or on a stream of its own; null is the default stream.
  void host_reads(const void* memory, const std::string& what);
  void host_writes(const void* memory, const std::string& what);
  void stream_writes(void* stream, const void* memory, const std::string& what);
  /// Page-locked memory that operators of this thread have written to since the last call of this.
  [[nodiscard]] std::vector<const void*> take_written_blocks();
  /// Whether this thread may use memory without waiting.
  [[nodiscard]] bool is_done_with(const void* memory);
  /// Around the start and the end of threads that use it: see StreamOrder.
  void hand_over();
  void take_over();

 private:
  class Calls;
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace posekit_test
