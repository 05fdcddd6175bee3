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
  ModelOptions model;
  std::shared_ptr<Executor> executor;      ///< Where inputs are made. Null: serial, on the caller's thread.
  std::size_t max_batch = 0;               ///< Looks in one forward; 0 = 1 on a CPU, 16 on a GPU; halved while memory does not hold them.
  std::optional<double> score_threshold;   ///< Overrides the metadata: scores must exceed it.
  std::optional<double> nms_iou;           ///< Overrides the metadata: of two boxes that overlap more, the weaker goes.
  std::optional<std::size_t> max_persons;  ///< Overrides the metadata: the best so many are kept.
  /// Also look at half-overlapping square tiles, sides as fractions of the longer side in (0, 1]. For small people and groups.
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
  /// Loads a TorchScript detection model. Loading runs code from the file: open only files you trust (SECURITY.md).
  /// @throws Error not_found, io, invalid_model, unsupported_model, device_unavailable, invalid_argument, out_of_memory
  explicit PersonDetector(const std::filesystem::path& model, DetectorOptions options = {});
  /// Loads the same from memory: the bytes of such a file, borrowed for the constructor. Nothing is written to disk; metadata are in the
  /// archive or in the options.
  explicit PersonDetector(std::span<const std::byte> model, DetectorOptions options = {});
  PersonDetector(PersonDetector&&) noexcept;
  PersonDetector& operator=(PersonDetector&&) noexcept;
  ~PersonDetector();

  /// The model's metadata, complete, with the options' overrides.
  [[nodiscard]] const ModelInfo& info() const noexcept;
  /// Where the model runs: "cpu" or "cuda:N"; replicas joined by commas.
  [[nodiscard]] const std::string& device() const noexcept;

  /// The people in one image, by falling score.
  /// @throws Error invalid_argument, cancelled, deadline_exceeded, invalid_model, …
  [[nodiscard]] std::vector<Box> detect(const ImageView& image, const RunControl& control = {}) const;

  /// The people in several images, of any sizes. One result for each image, in order.
  /// @throws std::bad_alloc, or Error for misuse of the call as a whole; never for an image or a model's failure
  [[nodiscard]] std::vector<DetectionResult> detect_batch(std::span<const ImageView> images, const RunControl& control = {}) const;

 private:
  friend struct DetectorAccess;
  class Impl;
  explicit PersonDetector(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
