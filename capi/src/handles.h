/// What the opaque objects of the C interface hold. Children share their parents, so the order of destroying does not matter.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "posekit/detector.h"
#include "posekit/estimator.h"
#include "posekit/model.h"
#include "posekit/pipeline.h"
#include "posekit/predictor.h"
#include "posekit/tracker.h"
#include "posekit_c.h"

struct posekit_executor {
  std::shared_ptr<posekit::Executor> executor;
};

struct posekit_control {
  std::stop_source stop;
  std::atomic<std::int64_t> deadline = INT64_MAX;  ///< Of the steady clock, in nanoseconds; INT64_MAX: none.
};

struct posekit_keypoint_set {
  posekit::KeypointSet set;
  std::vector<posekit_link> links;
};

struct posekit_model {
  posekit::Model model;
  std::string device;  ///< The text of its devices.
};

struct posekit_estimator {
  std::shared_ptr<const posekit::PoseEstimator> estimator;
};

struct posekit_detector {
  std::shared_ptr<const posekit::PersonDetector> detector;
};

struct posekit_predictor {
  std::shared_ptr<const posekit::PoseEstimator> estimator;
  posekit::Predictor predictor;
};

struct posekit_tracker {
  std::shared_ptr<posekit::Tracker> tracker;
};

struct posekit_pipeline {
  std::shared_ptr<posekit::Pipeline> pipeline;
};

namespace posekit_c {

/// @throws std::bad_alloc
posekit_keypoint_set* new_keypoint_set(posekit::KeypointSet set);

/// @param sizes of the call's images
posekit_result* new_result(std::shared_ptr<const posekit::PoseEstimator> estimator, std::span<const posekit::Size> sizes,
                           std::vector<posekit::Prediction> predictions);

/// The result of one image.
posekit_result* new_result(std::shared_ptr<const posekit::PoseEstimator> estimator, posekit::Size size, posekit::Prediction prediction);

/// One image's people. @throws posekit::Error invalid_argument if there is no such image
const std::vector<posekit::Pose>& poses_of(const posekit_result* result, std::size_t image);
/// That image alone.
posekit_result* new_result(const posekit_result& from, std::size_t image);
/// Other keypoints and ids for the same people of a result of one image. Fails never.
void replace_poses(posekit_result& result, std::vector<posekit::Pose> poses) noexcept;

posekit_detections* new_detections(std::vector<posekit::DetectionResult> results);

/// The caller's executor; null for serial.
inline std::shared_ptr<posekit::Executor> executor_of(const posekit_executor* executor) {
  return executor == nullptr ? nullptr : executor->executor;
}

void fill_timings(posekit_timings& out, const posekit::Timings& timings);

}  // namespace posekit_c
