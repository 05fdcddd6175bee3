/// Predictor: images in, people with their poses out.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "posekit/detector.h"
#include "posekit/estimator.h"
#include "posekit/export.h"
#include "posekit/pose.h"
#include "posekit/run_control.h"

namespace posekit::inline v0 {

/// Holds one image of a call.
///
/// Image and boxes are borrowed for the call.
struct PredictorInput {
  ImageView image;
  /// Its people, may be empty. None: the detector finds them.
  std::optional<std::span<const Box>> boxes{};
};

/// Holds what was found in one image.
struct Prediction {
  std::vector<Box> boxes;  ///< Given or detected; `Pose::box_index` points here.
  ImageResult result;      ///< The poses, or what went wrong in either step.
  /// Whether the detector was called with this very image. That call may have ended before it
  /// reached the image.
  bool detected = false;
};

/// Joins detection and estimation: a detector, or none, and a pose estimator.
///
/// It is the one place where the two are joined.
///
/// It is immutable and cheap to copy. Any number of threads may use one at once.
class POSEKIT_API Predictor {
 public:
  /// Joins an estimator and a detector that others may use too.
  ///
  /// @param estimator not null
  /// @param detector null: every image comes with its boxes
  /// @throws Error invalid_argument if the estimator is null
  Predictor(std::shared_ptr<const PoseEstimator> estimator, std::shared_ptr<const PersonDetector> detector);
  /// Uses an estimator without a detector.
  ///
  /// @throws Error invalid_argument if the estimator is null
  explicit Predictor(std::shared_ptr<const PoseEstimator> estimator);
  /// Uses an estimator that the predictor keeps, without a detector.
  explicit Predictor(PoseEstimator estimator);
  /// Joins an estimator and a detector that the predictor keeps.
  Predictor(PoseEstimator estimator, PersonDetector detector);

  /// Returns the estimator.
  [[nodiscard]] const PoseEstimator& estimator() const noexcept { return *estimator_; }
  /// Returns the detector; null if there is none.
  [[nodiscard]] const PersonDetector* detector() const noexcept { return detector_.get(); }

  /// Finds the people of one image and estimates their poses.
  ///
  /// @throws Error as PersonDetector::detect and PoseEstimator::estimate
  /// @throws Error invalid_argument without a detector
  [[nodiscard]] Prediction predict(const ImageView& image, const RunControl& control = {}) const;

  /// Finds the people of several images, of any sizes, and estimates their poses.
  ///
  /// Whatever concerns one image is reported in its prediction.
  ///
  /// @return one prediction for each image, in order
  /// @throws Error for misuse of the call as a whole
  /// @throws std::bad_alloc
  [[nodiscard]] std::vector<Prediction> predict_batch(std::span<const PredictorInput> images, const RunControl& control = {}) const;

  /// Names an image and where its prediction goes.
  ///
  /// Both are borrowed for the call.
  struct Target {
    ImageView image;
    Prediction* prediction = nullptr;
  };
  /// Runs the first step, detection, for callers that run each step on threads of its own.
  ///
  /// It fills `boxes`, `detected` and the time of detection. An error goes into `result`.
  ///
  /// @throws Error invalid_argument without a detector
  /// @throws as predict_batch
  void detect(std::span<const Target> targets, const RunControl& control = {}) const;
  /// Runs the second step, estimation: fills the rest of `result` from `boxes`.
  ///
  /// Targets whose result is an error are left as they are.
  ///
  /// @throws as predict_batch
  void estimate(std::span<const Target> targets, const RunControl& control = {}) const;

 private:
  std::shared_ptr<const PoseEstimator> estimator_;
  std::shared_ptr<const PersonDetector> detector_;
};

}  // namespace posekit::inline v0
