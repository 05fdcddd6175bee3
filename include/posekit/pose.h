/// What estimation gives: keypoints, poses and per-image results.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "posekit/geometry.h"

namespace posekit::inline v0 {

/// Holds a keypoint, in image pixels.
///
/// Coordinates are always finite.
struct Keypoint {
  float x = 0;
  float y = 0;
  /// The raw maximum of the model's output; 0 where the output was not usable.
  ///
  /// It is not a probability: it may exceed 1 or be negative.
  float score = 0;
  friend bool operator==(const Keypoint&, const Keypoint&) = default;
};

/// Holds the pose of one person.
struct Pose {
  Box box;                               ///< The box that the pose was estimated from.
  std::size_t box_index = 0;             ///< Its position among the image's boxes.
  std::vector<Keypoint> keypoints;       ///< One for each keypoint of the set, in its order.
  std::optional<std::int64_t> track_id;  ///< Only from a tracker.
  friend bool operator==(const Pose&, const Pose&) = default;
};

/// Reports a box that could not be used.
///
/// Its neighbours are not affected.
struct BoxError {
  std::size_t box_index = 0;
  ErrorCode code = ErrorCode::internal;
  std::string message;
};

/// Counts milliseconds and their fractions.
using Milliseconds = std::chrono::duration<double, std::milli>;

/// Holds the wall time of an image's stages.
///
/// A batch's time is shared out among its persons.
struct Timings {
  Milliseconds decode{};  ///< Reading the image file; filled by the caller that reads it.
  Milliseconds detect{};
  Milliseconds preprocess{};
  Milliseconds inference{};
  Milliseconds postprocess{};
};

/// Reports the outcome of one image of a call.
struct ImageResult {
  /// Not ok: the image as a whole failed or was not finished; what was finished is kept.
  ErrorCode code = ErrorCode::ok;
  std::string message;      ///< Empty if ok.
  std::vector<Pose> poses;  ///< In the order of the boxes; boxes with errors are missing.
  std::vector<BoxError> box_errors;
  Timings timings;
};

}  // namespace posekit::inline v0
