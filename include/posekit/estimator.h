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

struct EstimatorOptions {
  std::shared_ptr<Executor> executor;  ///< Where crops are warped and outputs decoded. Null: serial, on the caller's thread.
  /// Persons in one forward; 0 = 1 on a CPU, 16 on a GPU. A last batch is smaller, never padded. A batch that memory does not hold is
  /// halved until it fits; the estimator remembers that and notes it once.
  std::size_t max_batch = 0;
  std::optional<double> box_padding;   ///< Overrides the metadata; > 0.
  std::vector<std::string> keypoints;  ///< A subset's name, or names of keypoints; empty: all. Only these are decoded.
  bool flip_test = false;              ///< Average with the mirrored crop: about twice the time, a little more accuracy.
};

/// One image of a batch call and its people. Both are borrowed for the call.
struct ImageBoxes {
  ImageView image;
  std::span<const Box> boxes;
};

/// Top-down pose estimation with one model. Immutable: any number of threads may call `estimate` on one instance at once, and the
/// weights are shared.
///
/// How persons are grouped into batches follows from the call's input and the options alone, so for one model and one number of
/// Torch threads the results on a CPU are bit-equal on every executor and every run.
class POSEKIT_API PoseEstimator {
 public:
  /// Uses a model's weights: the model may serve others too.
  /// @throws Error invalid_argument if the model is for another task or the options do not fit it; not_found, forked
  explicit PoseEstimator(Model model, EstimatorOptions options = {});
  /// The short form of PoseEstimator(Model(model), options). @throws Error as both
  explicit PoseEstimator(const std::filesystem::path& model, EstimatorOptions options = {});
  PoseEstimator(PoseEstimator&&) noexcept;
  PoseEstimator& operator=(PoseEstimator&&) noexcept;
  ~PoseEstimator();

  /// The model's metadata with the options' overrides.
  [[nodiscard]] const ModelInfo& info() const noexcept;
  /// What the keypoints of a result mean: the model's set, or the subset that was asked for.
  [[nodiscard]] const KeypointSet& keypoints() const noexcept;
  /// The model that it uses.
  [[nodiscard]] const Model& model() const noexcept;

  /// Estimates the people of one image. A box that can't be used is reported in `box_errors`; its neighbours get their poses.
  /// @throws Error for what concerns the image or the call: invalid_argument, cancelled, deadline_exceeded, invalid_model, …
  [[nodiscard]] ImageResult estimate(const ImageView& image, std::span<const Box> boxes, const RunControl& control = {}) const;

  /// Estimates the people of several images, of any sizes, and fills batches across them. One result for each image, in order:
  /// whatever concerns one image or box, a passed deadline and cancellation are reported there, with what was finished kept.
  /// @throws std::bad_alloc, or Error for misuse of the call as a whole; never for an image, a box or a model's failure
  [[nodiscard]] std::vector<ImageResult> estimate_batch(std::span<const ImageBoxes> images, const RunControl& control = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
