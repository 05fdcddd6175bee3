/// The interface between posekit and whatever runs a model. Nothing above it knows Torch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "inference/model_source.h"
#include "posekit/model.h"
#include "posekit/run_control.h"
#include "preprocess/staging.h"

namespace posekit::inline v0 {

/// A batch of crops without gaps, borrowed for one run.
struct CropBatch {
  const std::byte* data = nullptr;
  std::size_t count = 0;  ///< B >= 1
};

/// One output tensor on the host: contiguous float32, row-major.
struct OutputTensor {
  const float* data = nullptr;
  std::array<std::size_t, 4> shape{};  ///< The first `rank` entries count; shape[0] = B.
  std::size_t rank = 0;
};

/// A model's output. `owner` keeps the tensors' memory.
struct ModelOutput {
  std::vector<OutputTensor> tensors;
  std::shared_ptr<const void> owner;
};

/// A loaded model. `run` may be called from several threads at once.
class ModelBackend {
 public:
  ModelBackend() = default;
  ModelBackend(const ModelBackend&) = delete;
  ModelBackend& operator=(const ModelBackend&) = delete;
  virtual ~ModelBackend() = default;

  [[nodiscard]] virtual const ModelInfo& info() const noexcept = 0;
  /// "cpu" or "cuda:N".
  [[nodiscard]] virtual const std::string& device() const noexcept = 0;
  [[nodiscard]] virtual CropFormat crop_format() const noexcept = 0;

  /// Runs one batch on the caller's thread. The output's shapes agree with info() and crops.count: the backend has checked them.
  /// Other float types, a detector's whole-number labels and other devices have been converted to float32 on the host.
  /// @throws Error invalid_model (wrong output, or the model threw), out_of_memory, cancelled, deadline_exceeded
  virtual ModelOutput run(const CropBatch& crops, const RunControl& control) = 0;
};

/// How many crops go into one forward: what the caller asks for, or, asked for 0, 1 on a CPU and 16 on a GPU.
[[nodiscard]] inline std::size_t batch_size(std::size_t asked, const ModelBackend& backend) noexcept {
  constexpr std::size_t on_cpu = 1;
  constexpr std::size_t on_gpu = 16;
  if (asked != 0) return asked;
  return backend.device() == "cpu" ? on_cpu : on_gpu;
}

/// Holds a model's output against its metadata: number of tensors, ranks, B, K, w, h; detectors' boxes, scores and labels.
/// @throws Error invalid_model with what was found and what the metadata says
void check_output(const ModelInfo& info, const ModelOutput& output, std::size_t batch);

/// Loads a TorchScript model: file kind → checksum → metadata → load → device and type → freeze → one checked forward.
/// @throws Error as PoseEstimator's constructor
[[nodiscard]] std::shared_ptr<ModelBackend> load_torchscript(const ModelSource& source, const ModelOptions& options, Task task);

}  // namespace posekit::inline v0
