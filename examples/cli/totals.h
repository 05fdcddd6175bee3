/// What a run did in all, and how fast.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>

#include "inputs.h"
#include "posekit/pose.h"

namespace cli {

/// Sums over the results of a run. One thread at a time may use it.
struct RunTotals {
  std::size_t images = 0;
  std::size_t frames = 0;  ///< Of videos and cameras.
  std::size_t people = 0;  ///< Poses: a person in ten frames counts ten times.
  posekit::Timings times;
  std::chrono::duration<double> wall{};  ///< From the start of the work to its end, the loading of the models included.

  /// @param kind what the result is an image or frame of
  void add(const posekit::ImageResult& result, InputKind kind);
  /// Mean times of an image or frame; of reading, those of an image.
  posekit::Timings mean_times() const;
  double per_second(std::size_t count) const { return static_cast<double>(count) / std::max(wall.count(), 1e-9); }
};

/// The line that closes a run; empty if it worked on nothing.
std::string speed_line(const RunTotals& totals);

}  // namespace cli
