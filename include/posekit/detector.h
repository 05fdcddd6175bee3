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

struct DetectorOptions {
  std::shared_ptr<Executor> executor;      ///< Where inputs are made. Null: serial, on the caller's thread.
  std::size_t max_batch = 0;               ///< Windows in one forward; 0 = 1 on a CPU, 16 on a GPU; halved while memory does not hold them.
  std::optional<double> score_threshold;   ///< Overrides the metadata: scores must exceed it.
  std::optional<double> nms_iou;           ///< Overrides the metadata: of two boxes that overlap more, the weaker goes.
  std::optional<std::size_t> max_persons;  ///< Overrides the metadata: the best so many are kept.
  /// Also look at half-overlapping square tiles, sides as fractions of the longer side, 1/64 to 1. For small people and groups.
  std::vector<double> tiles;
};

/// What became of one image of a call.
struct DetectionResult {
  ErrorCode code = ErrorCode::ok;
  std::string message;     ///< Empty if ok.
  std::vector<Box> boxes;  ///< Inside the image, by falling score.
  Timings timings;         ///< Only `detect` is filled.
};

/// Finds people with one detection model (task "detect", docs/models.md). Immutable: any number of threads may call it at once.
class POSEKIT_API PersonDetector {
 public:
  /// Uses a model's weights: the model may serve others too.
  /// @throws Error invalid_argument if the model is for another task or the options do not fit it; not_found, forked
  explicit PersonDetector(Model model, DetectorOptions options = {});
  /// The short form of PersonDetector(Model(model), options). @throws Error as both
  explicit PersonDetector(const std::filesystem::path& model, DetectorOptions options = {});
  PersonDetector(PersonDetector&&) noexcept;
  PersonDetector& operator=(PersonDetector&&) noexcept;
  ~PersonDetector();

  /// The model's metadata with the options' overrides.
  [[nodiscard]] const ModelInfo& info() const noexcept;
  /// The model that it uses.
  [[nodiscard]] const Model& model() const noexcept;

  /// The people in one image, by falling score.
  /// @throws Error invalid_argument, cancelled, deadline_exceeded, invalid_model, …
  [[nodiscard]] std::vector<Box> detect(const ImageView& image, const RunControl& control = {}) const;

  /// The people in several images, of any sizes. One result for each image, in order.
  /// @throws std::bad_alloc, or Error for misuse of the call as a whole; never for an image or a model's failure
  [[nodiscard]] std::vector<DetectionResult> detect_batch(std::span<const ImageView> images, const RunControl& control = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
