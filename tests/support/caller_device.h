/// What callers do with a device beside posekit: memory on it, streams of their own, work that takes its time. Includes no Torch.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "backend/model_backend.h"

namespace posekit_test {

/// Bytes on a device. On the CPU they are the host's.
class DeviceBytes {
 public:
  /// @param device "cpu", "cuda" (cuda:0) or "cuda:N" @param values what is in them
  DeviceBytes(const std::string& device, std::span<const std::uint8_t> values);

  [[nodiscard]] std::uint8_t* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::unique_ptr<std::uint8_t, void (*)(std::uint8_t*)> data_;
  std::size_t size_;
};

/// A stream of a caller's own. On the CPU there is none, and what it is given is done at once.
class CallerStream {
 public:
  /// @param device "cpu" or "cuda"
  explicit CallerStream(const std::string& device);
  CallerStream(const CallerStream&) = delete;
  CallerStream& operator=(const CallerStream&) = delete;
  ~CallerStream();

  /// A cudaStream_t; null on the CPU.
  [[nodiscard]] void* handle() const noexcept;

  // None of these waits for what the stream was given before.
  void sleep(std::chrono::milliseconds time);
  void write(const DeviceBytes& to, std::span<const std::uint8_t> values);
  void fill(const DeviceBytes& to, std::uint8_t value);

  void wait();
  /// Whether everything it was given is done.
  [[nodiscard]] bool idle() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// How many CUDA devices there are.
int cuda_device_count();

/// Bytes that a device's memory has given out: what Torch's allocator has given out there; on the CPU, all that the process has reserved.
std::size_t bytes_in_use(const std::string& device);

/// Bytes of a CUDA device's memory that anyone has taken, Torch's cache included; 0 on the CPU.
std::size_t used_device_memory(const std::string& device);

/// From now on this process gets this much more of a device's memory.
void limit_memory_to(const std::string& device, std::size_t more_bytes);

/// All of cuda:0's memory but a little, taken from CUDA itself while it lives, past Torch's allocator.
class TakenDeviceMemory {
 public:
  explicit TakenDeviceMemory(std::size_t left);
  TakenDeviceMemory(const TakenDeviceMemory&) = delete;
  TakenDeviceMemory& operator=(const TakenDeviceMemory&) = delete;
  ~TakenDeviceMemory();

 private:
  struct Block;
  std::unique_ptr<Block> blocks_;
};

/// Streams of cuda:0 on which work waits for random times before it begins, as it may where a device is busy with other work.
class DelayedStreams {
 public:
  /// @param most of one wait
  DelayedStreams(unsigned seed, std::chrono::microseconds most);
  DelayedStreams(const DelayedStreams&) = delete;
  DelayedStreams& operator=(const DelayedStreams&) = delete;
  ~DelayedStreams();

  /// Gives them to a model on that device. Sessions that are open keep theirs. Must outlive the model.
  void serve(posekit::ModelBackend& backend);
  [[nodiscard]] std::size_t waits() const;

 private:
  class Calls;
  std::unique_ptr<Calls> calls_;
};

}  // namespace posekit_test
