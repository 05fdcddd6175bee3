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

/// One image of a call. Borrowed for the call.
struct PredictorInput {
  ImageView image;
  std::optional<std::span<const Box>> boxes{};  ///< Its people, may be empty. None: the detector finds them.
};

/// What was found in one image.
struct Prediction {
  std::vector<Box> boxes;  ///< Given or detected; `Pose::box_index` points here.
  ImageResult result;      ///< The poses, or what went wrong in either step.
  bool detected = false;   ///< Whether the detector was called with this very image; that call may have ended before it reached the image.
};

/// A detector, or none, and a pose estimator: the one place where detection and estimation are joined. Immutable and cheap to copy; any
/// number of threads may use one at once.
class POSEKIT_API Predictor {
 public:
  /// @param estimator not null
  /// @param detector null: every image comes with its boxes
  /// @throws Error invalid_argument
  Predictor(std::shared_ptr<const PoseEstimator> estimator, std::shared_ptr<const PersonDetector> detector);
  explicit Predictor(std::shared_ptr<const PoseEstimator> estimator);
  /// The same, with an estimator and a detector that the predictor keeps.
  explicit Predictor(PoseEstimator estimator);
  Predictor(PoseEstimator estimator, PersonDetector detector);

  [[nodiscard]] const PoseEstimator& estimator() const noexcept { return *estimator_; }
  /// Null if there is none.
  [[nodiscard]] const PersonDetector* detector() const noexcept { return detector_.get(); }

  /// The people of one image, found by the detector.
  /// @throws Error as PersonDetector::detect and PoseEstimator::estimate; invalid_argument without a detector
  [[nodiscard]] Prediction predict(const ImageView& image, const RunControl& control = {}) const;

  /// The people of several images, of any sizes. One prediction for each, in order; whatever concerns one image is reported there.
  /// @throws std::bad_alloc, or Error for misuse of the call as a whole
  [[nodiscard]] std::vector<Prediction> predict_batch(std::span<const PredictorInput> images, const RunControl& control = {}) const;

  /// An image and where its prediction goes. Both are borrowed for the call.
  struct Target {
    ImageView image;
    Prediction* prediction = nullptr;
  };
  /// The first step alone, for callers that run each step on threads of its own: fills `boxes`, `detected` and the time of detection; an
  /// error goes into `result`. @throws as predict_batch; Error invalid_argument without a detector
  void detect(std::span<const Target> targets, const RunControl& control = {}) const;
  /// The second step: fills the rest of `result` from `boxes`; targets whose result is an error are left as they are.
  /// @throws as predict_batch
  void estimate(std::span<const Target> targets, const RunControl& control = {}) const;

 private:
  std::shared_ptr<const PoseEstimator> estimator_;
  std::shared_ptr<const PersonDetector> detector_;
};

}  // namespace posekit::inline v0
