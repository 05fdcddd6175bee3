/// What a pipeline measures of itself, in a fixed amount of memory.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>

#include "posekit/pipeline.h"

namespace posekit::inline v0 {

constexpr std::size_t timer_window = 1024;

/// Collects durations. Thread-safe.
class TimeWindow {
 public:
  void add(Milliseconds time) noexcept;
  [[nodiscard]] TimeStats stats() const;

 private:
  mutable std::mutex mutex_;
  std::array<double, timer_window> last_{};  ///< In milliseconds; a ring.
  std::size_t count_ = 0;
  double total_ = 0;
};

/// Counts events a second. Thread-safe.
class RateWindow {
 public:
  void add(std::chrono::steady_clock::time_point when) noexcept;
  /// Over the last events of the window; 0 for fewer than two.
  [[nodiscard]] double per_second() const noexcept;

 private:
  mutable std::mutex mutex_;
  std::array<std::chrono::steady_clock::time_point, timer_window> last_{};  ///< A ring.
  std::size_t count_ = 0;
};

}  // namespace posekit::inline v0
