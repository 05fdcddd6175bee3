/// Small models, and an image with two people, for tests that are about the C interface.
#pragma once

#include <posekit_c.h>

#include <cstdint>
#include <string>
#include <vector>

#include "capi/objects.h"
#include "support/paths.h"

namespace posekit_c_test {

/// A pose model of the keypoints left_eye and right_eye with the subset "left", and a detection model that finds one person of score 1.
struct SmallModels {
  SmallModels();

  posekit_test::TemporaryDir dir;
  std::string pose_path = (dir.path() / "pose.pt").string();
  std::string detect_path = (dir.path() / "detect.pt").string();
  Model pose;
  Model detect;
  Estimator estimator;
  Detector detector;
  Predictor predictor;  ///< Without a detector.
};

/// Loaded at the first call, once.
const SmallModels& small_models();

inline const std::vector<uint8_t> pixels(std::size_t{64} * 48 * 3, 90);
inline const posekit_image image = host_image(pixels.data(), 64, 48, POSEKIT_PIXEL_FORMAT_BGR8);
inline const std::vector<posekit_box> two_boxes{{4, 4, 40, 40, 0, 0}, {10, 10, 60, 44, 0.5F, 0}};

/// The two people of the image.
Result estimate(const posekit_estimator* estimator = small_models().estimator.get());
Detections detect();

Estimator estimator_on(const posekit_executor* executor);

}  // namespace posekit_c_test
