/// How many crops go into one forward.
#pragma once

#include <atomic>
#include <cstddef>

#include "backend/model_backend.h"

namespace posekit::inline v0 {

/// The caller's number; for 0, 1 on a CPU and the usual one on a GPU; at most what the model can take. Halved when memory does not hold a
/// batch. Thread-safe.
class BatchLimit {
 public:
  /// On a GPU, where the caller names no number.
  static constexpr std::size_t usual = 16;

  BatchLimit(std::size_t asked, const ModelBackend& backend) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Remembers that memory does not hold a batch of that size, notes it once, and has the backend give back what it keeps.
  /// @return whether to try smaller ones
  bool lower_below(std::size_t failed, ModelBackend& backend);

 private:
  std::atomic<std::size_t> size_;
};

}  // namespace posekit::inline v0
