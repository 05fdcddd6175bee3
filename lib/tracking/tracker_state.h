/// What a tracker knows between frames, and its JSON form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tracking/box_motion.h"
#include "tracking/one_euro.h"

namespace posekit::inline v0 {

constexpr double farthest_pixel = 1e8;   // what lies beyond is refused: its squares would soon not be numbers
constexpr double farthest_second = 1e9;  // from 0, either way: doubles tell 0.1 microseconds apart there

/// One person.
struct Track {
  std::int64_t id = 0;  ///< 0: none yet.
  double first_seen_s = 0;
  double last_seen_s = 0;
  float score = 0;                  ///< Of the box last detected.
  BoxMotion motion;                 ///< As of last_seen_s: a miss changes nothing.
  std::vector<PointFilter> points;  ///< One for each keypoint.
  friend bool operator==(const Track&, const Track&) = default;
};

struct TrackerState {
  std::optional<double> time_s;  ///< Of the last update.
  std::int64_t next_id = 1;
  std::vector<Track> tracks;  ///< In order of appearance.
  friend bool operator==(const TrackerState&, const TrackerState&) = default;
};

/// Format posekit-tracker/1. Numbers read back exactly.
[[nodiscard]] std::string to_json(const TrackerState& state, std::size_t keypoints);

/// @throws Error invalid_argument that names the key, what was found and what is allowed
[[nodiscard]] TrackerState parse_tracker_state(std::string_view json, std::size_t keypoints);

}  // namespace posekit::inline v0
