/// What a pipeline measures of itself, in a fixed amount of memory.
#include "pipeline/stage_timers.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace posekit::inline v0 {
namespace {

/// The smallest value that at least so large a part of them does not exceed; the order of `values` changes.
double quantile(std::span<double> values, double part) {
  const auto rank = static_cast<std::ptrdiff_t>(std::ceil(part * static_cast<double>(values.size()))) - 1;
  std::ranges::nth_element(values, values.begin() + rank);
  return values[static_cast<std::size_t>(rank)];
}

}  // namespace

void TimeWindow::add(Milliseconds time) noexcept {
  const std::lock_guard lock(mutex_);
  last_[count_++ % timer_window] = time.count();
  total_ += time.count();
}

TimeStats TimeWindow::stats() const {
  std::array<double, timer_window> last;
  TimeStats stats;
  {
    const std::lock_guard lock(mutex_);
    if (count_ == 0) return stats;
    last = last_;
    stats.count = count_;
    stats.mean = Milliseconds(total_ / static_cast<double>(count_));
  }
  const std::span values(last.data(), std::min(stats.count, timer_window));
  stats.p50 = Milliseconds(quantile(values, 0.5));
  stats.p99 = Milliseconds(quantile(values, 0.99));
  return stats;
}

void RateWindow::add(std::chrono::steady_clock::time_point when) noexcept {
  const std::lock_guard lock(mutex_);
  last_[count_++ % timer_window] = when;
}

double RateWindow::per_second() const noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t events = std::min(count_, timer_window);
  if (events < 2) return 0;
  const auto first = last_[(count_ - events) % timer_window];
  const std::chrono::duration<double> time = last_[(count_ - 1) % timer_window] - first;
  return time.count() > 0 ? static_cast<double>(events - 1) / time.count() : 0;
}

}  // namespace posekit::inline v0
