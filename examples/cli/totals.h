/// What a run did in all, and how fast.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

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
  /// The stages that took time, and their means over images and frames; of reading, over images.
  std::vector<std::pair<const char*, posekit::Milliseconds>> mean_times() const;
  /// What is counted: "images", "frames", "images and frames"; "people", "poses".
  const char* unit() const { return frames == 0 ? "images" : images == 0 ? "frames" : "images and frames"; }
  const char* unit_of_people() const { return frames == 0 ? "people" : "poses"; }
  double per_second(std::size_t count) const { return static_cast<double>(count) / std::max(wall.count(), 1e-9); }
};

/// The line that closes a run; empty if it worked on nothing.
std::string speed_line(const RunTotals& totals);

}  // namespace cli
