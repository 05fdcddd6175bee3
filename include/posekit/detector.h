/// PersonDetector: image in, boxes out.
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
#include "posekit/model.h"
#include "posekit/pose.h"
#include "posekit/run_control.h"

namespace posekit::inline v0 {

/// Sets how a PersonDetector works.
struct DetectorOptions {
  std::shared_ptr<Executor> executor;  ///< Makes inputs. Null: serial, on the caller's thread.
  /// Windows in one forward; 0 = 1 on a CPU, 16 on a GPU; halved while memory does not hold them.
  std::size_t max_batch = 0;
  std::optional<double> score_threshold;  ///< Overrides the metadata: scores must exceed it.
  /// Overrides the metadata: of two boxes that overlap more, the weaker is dropped.
  std::optional<double> nms_iou;
  std::optional<std::size_t> max_persons;  ///< Overrides the metadata: the best N are kept.
  /// Also detects on half-overlapping square tiles, for small people and groups.
  ///
  /// Their sides are fractions of the image's longer side, 1/64 to 1.
  std::vector<double> tiles;
};

/// Reports the outcome of one image of a call.
struct DetectionResult {
  ErrorCode code = ErrorCode::ok;
  std::string message;     ///< Empty if ok.
  std::vector<Box> boxes;  ///< Inside the image, by falling score.
  Timings timings;         ///< Only `detect` is filled.
};

/// Finds people with one detection model (task "detect", docs/models.md).
///
/// It is immutable: any number of threads may call it at once. A moved-from detector may only be
/// assigned to or destroyed.
///
/// After fork() `detect` and `detect_batch` fail in the child with ErrorCode::forked, and the
/// destructor frees nothing there.
class POSEKIT_API PersonDetector {
 public:
  /// Makes a detector that uses a model's weights.
  ///
  /// The model may serve others too.
  ///
  /// @throws Error invalid_argument if the model is for another task or the options do not fit it
  /// @throws Error forked in a child of the process that loaded the model
  explicit PersonDetector(Model model, DetectorOptions options = {});
  /// Loads a model and makes a detector: short for PersonDetector(Model(model), options).
  ///
  /// @throws Error as both
  explicit PersonDetector(const std::filesystem::path& model, DetectorOptions options = {});
  PersonDetector(PersonDetector&&) noexcept;
  PersonDetector& operator=(PersonDetector&&) noexcept;
  ~PersonDetector();

  /// Returns the model's metadata with the options' overrides.
  [[nodiscard]] const ModelInfo& info() const noexcept;
  /// Returns the model that it uses.
  [[nodiscard]] const Model& model() const noexcept;

  /// Finds the people in one image.
  ///
  /// @param image in host memory
  /// @return boxes inside the image, by falling score
  /// @throws Error invalid_argument if the view is not valid or on a device
  /// @throws Error cancelled, deadline_exceeded by `control`
  /// @throws Error invalid_model, out_of_memory, device_unavailable, … if the model fails
  /// @throws Error forked
  [[nodiscard]] std::vector<Box> detect(const ImageView& image, const RunControl& control = {}) const;

  /// Finds the people in several images, of any sizes.
  ///
  /// Whatever concerns one image is reported in its result, and so are a model's failure,
  /// cancellation and a passed deadline. An image that was only partly searched has no boxes.
  ///
  /// @param images in host memory
  /// @return one result for each image, in order
  /// @throws Error for misuse of the call as a whole, never for an image or a model's failure
  /// @throws std::bad_alloc
  [[nodiscard]] std::vector<DetectionResult> detect_batch(std::span<const ImageView> images, const RunControl& control = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
