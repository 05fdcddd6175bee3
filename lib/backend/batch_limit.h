/// How many crops go into one forward.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "backend/model_backend.h"
#include "base/log.h"

namespace posekit::inline v0 {

/// What the caller asks for, or, asked for 0, 1 on a CPU and 16 on a GPU; halved where memory turns out not to hold it. Thread-safe.
class BatchLimit {
 public:
  BatchLimit(std::size_t asked, const ModelBackend& backend) : size_(asked != 0 ? asked : backend.device().starts_with("cpu") ? 1 : 16) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Remembers that memory does not hold a batch of so many, and notes it once.
  /// @return whether smaller ones are worth a try
  bool lower_below(std::size_t failed, const std::string& model) {
    if (failed < 2) return false;
    const std::size_t half = failed / 2;
    std::size_t now = size_;
    while (now > half && !size_.compare_exchange_weak(now, half)) {
    }
    if (now > half) {
      log(LogLevel::warning, "model \"" + model + "\": memory does not hold a batch of " + std::to_string(failed) +
                                 ", from now on they are of " + std::to_string(half) + " at most");
    }
    return true;
  }

 private:
  std::atomic<std::size_t> size_;
};

}  // namespace posekit::inline v0
