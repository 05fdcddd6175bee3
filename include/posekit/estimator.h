/// PoseEstimator: boxes in, poses out.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "posekit/executor.h"
#include "posekit/export.h"
#include "posekit/image.h"
#include "posekit/keypoints.h"
#include "posekit/model.h"
#include "posekit/pose.h"
#include "posekit/run_control.h"

namespace posekit::inline v0 {

/// Sets how a PoseEstimator works.
struct EstimatorOptions {
  /// Warps crops and decodes outputs. Null: serial, on the caller's thread.
  std::shared_ptr<Executor> executor;
  /// Persons in one forward; 0 = 1 on a CPU, 16 on a GPU.
  ///
  /// A last batch is smaller, never padded. A batch that memory does not hold is halved until it
  /// fits. The estimator remembers that and notes it once.
  std::size_t max_batch = 0;
  std::optional<double> box_padding;  ///< Overrides the metadata; > 0.
  /// Names of subsets or of keypoints, as select_keypoints reads them; empty: all. Only these are decoded.
  std::vector<std::string> keypoints;
  /// Averages with the mirrored crop: about twice the time, a little more accuracy.
  bool flip_test = false;
};

/// Holds one image of a batch call and its people.
///
/// Both are borrowed for the call.
struct ImageBoxes {
  ImageView image;
  std::span<const Box> boxes;
};

/// Estimates poses top-down, from images and the boxes of their people, with one model.
///
/// It is immutable: any number of threads may call `estimate` on one instance at once, and the
/// weights are shared. A moved-from estimator may only be assigned to or destroyed.
///
/// How persons are grouped into batches follows from the call's input and the options alone. So for
/// one model and one number of Torch threads, results on a CPU are bit-equal on every executor and
/// every run.
///
/// After fork() `estimate` and `estimate_batch` fail in the child with ErrorCode::forked, and the
/// destructor frees nothing there.
class POSEKIT_API PoseEstimator {
 public:
  /// Makes an estimator that uses a model's weights.
  ///
  /// The model may serve others too.
  ///
  /// @throws Error invalid_argument if the model is for another task or the options do not fit it
  /// @throws Error not_found if the model has no keypoint or subset of a name in the options
  /// @throws Error forked in a child of the process that loaded the model
  explicit PoseEstimator(Model model, EstimatorOptions options = {});
  /// Loads a model and makes an estimator: short for PoseEstimator(Model(model), options).
  ///
  /// @throws Error as both
  explicit PoseEstimator(const std::filesystem::path& model, EstimatorOptions options = {});
  PoseEstimator(PoseEstimator&&) noexcept;
  PoseEstimator& operator=(PoseEstimator&&) noexcept;
  ~PoseEstimator();

  /// Returns the model's metadata with the options' overrides.
  [[nodiscard]] const ModelInfo& info() const noexcept;
  /// Returns what the keypoints of a result mean: the model's set, or the subset asked for.
  [[nodiscard]] const KeypointSet& keypoints() const noexcept;
  /// Returns the model that it uses.
  [[nodiscard]] const Model& model() const noexcept;

  /// Estimates the poses of the people of one image.
  ///
  /// A box that can't be used is reported in `box_errors`; its neighbours get their poses.
  ///
  /// @param boxes in image pixels
  /// @throws Error invalid_argument if the view is not valid, or on another device than the model
  /// @throws Error cancelled, deadline_exceeded by `control`
  /// @throws Error invalid_model, out_of_memory, device_unavailable, … if the model fails
  /// @throws Error forked
  [[nodiscard]] ImageResult estimate(const ImageView& image, std::span<const Box> boxes, const RunControl& control = {}) const;

  /// Estimates the poses of the people of several images, of any sizes.
  ///
  /// Batches are filled across the images.
  ///
  /// Whatever concerns one image or box is reported in its result, and so are a model's failure,
  /// cancellation and a passed deadline. What was finished is kept.
  ///
  /// @return one result for each image, in order
  /// @throws Error for misuse of the call as a whole, never for an image, a box or a model's
  ///     failure
  /// @throws std::bad_alloc
  [[nodiscard]] std::vector<ImageResult> estimate_batch(std::span<const ImageBoxes> images, const RunControl& control = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
