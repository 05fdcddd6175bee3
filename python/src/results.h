/// Results as Python sees them: immutable classes with named properties. _results.py makes the package's classes of them.
#pragma once

#include <cstddef>
#include <vector>

#include "posekit/geometry.h"
#include "posekit/pose.h"
#include "posekit/predictor.h"

namespace posekit_python {

/// An image's result, and how many keypoints a pose has, which a result without poses does not say. Nothing changes it once Python has it:
/// any number of threads may read one. Its arrays are made when they are asked for, and own their memory.
struct BoundResult {
  posekit::ImageResult result;
  std::size_t keypoint_count = 0;
};

/// A prediction with such a result.
struct BoundPrediction {
  std::vector<posekit::Box> boxes;
  bool detected = false;
  BoundResult result;
};

[[nodiscard]] BoundPrediction bound(posekit::Prediction prediction, std::size_t keypoint_count);

}  // namespace posekit_python
