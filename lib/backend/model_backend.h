/// The interface between posekit and whatever runs a model. Nothing above it knows Torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codec/decode_request.h"
#include "codec/model_output.h"
#include "codec/peak_record.h"
#include "model/model_source.h"
#include "posekit/model.h"
#include "posekit/run_control.h"
#include "preprocess/staging.h"

namespace posekit::inline v0 {

/// A batch of crops without gaps, borrowed for one run.
struct CropBatch {
  const std::byte* data = nullptr;
  std::size_t count = 0;  ///< B >= 1
};

/// What a session gives for one batch. Views stay valid until the slot's next `submit`.
struct BatchResult {
  std::span<const PeakRecord> peaks;  ///< Heatmaps: [B, wanted channels], flip test done.
  ModelOutput output;                 ///< Other codecs: the whole output,
  ModelOutput mirrored;               ///< and, with the flip test, that of the mirror images.
};

/// A caller's way to a device, two batches long: while one is computed, the next is filled and the last one's result is read.
///
/// `staging`, `crop` and `submit` are for one thread at a time, `collect` for another one if need be, on other slots. A slot goes round
/// staging → crop (for images on the device) → submit → finish. The backend must outlive it. The destructor waits for what is still
/// computed.
class BatchSession {
 public:
  static constexpr std::size_t slots = 2;

  BatchSession() = default;
  BatchSession(const BatchSession&) = delete;
  BatchSession& operator=(const BatchSession&) = delete;
  virtual ~BatchSession() = default;

  /// How many batches may be under way now; slots are numbered from 0. It may fall when a device is lost.
  [[nodiscard]] virtual std::size_t slot_count() const noexcept { return slots; }
  /// Which of the slots under way is to be finished next: the oldest, or, where several devices share the work, one that has ended, after
  /// waiting for it.
  [[nodiscard]] virtual std::size_t next_to_collect(std::size_t oldest) { return oldest; }

  /// Memory for the slot's crops, in the backend's format, without gaps; reused, never allocated once it is large enough. Free to write
  /// until `submit`.
  /// @throws Error out_of_memory
  [[nodiscard]] virtual std::byte* staging(std::size_t slot, std::size_t crops) = 0;

  /// Cuts a crop out of an image that lies on the session's device, there, into place `position` of those that `staging` was asked for,
  /// whose memory on the host then does not count. Waits for nothing but after an error, which frees the slot; else the image must stay
  /// until `collect`, or until a `submit` that failed.
  /// @throws Error invalid_argument (the pixels lie elsewhere, or the session is not on one device), out_of_memory, internal
  virtual void crop(std::size_t slot, std::size_t position, const CropTask& task);

  /// Sends the slot's first `crops` crops on their way: upload, normalisation, forward, reduction, download. Waits for none of them, only,
  /// where earlier batches fill the device, for its turn, which the device alone gives. After an error the slot is free again.
  /// @throws Error as ModelBackend::run
  virtual void submit(std::size_t slot, std::size_t crops, const RunControl& control) = 0;

  /// Waits for the slot's batch; a forward that runs is not interrupted. The slot is free again, after an error too.
  /// @throws Error invalid_model, out_of_memory, internal
  [[nodiscard]] virtual BatchResult collect(std::size_t slot) = 0;
};

/// A loaded model. All of it may be used from several threads at once.
class ModelBackend {
 public:
  ModelBackend() = default;
  ModelBackend(const ModelBackend&) = delete;
  ModelBackend& operator=(const ModelBackend&) = delete;
  virtual ~ModelBackend() = default;

  [[nodiscard]] virtual const ModelInfo& info() const noexcept = 0;
  /// "cpu" or "cuda:N"; of several replicas all, joined by commas.
  [[nodiscard]] virtual const std::string& device() const noexcept = 0;
  [[nodiscard]] virtual CropFormat crop_format() const noexcept = 0;

  /// Runs one batch on the caller's thread. The output's shapes agree with info() and crops.count: the backend has checked them.
  /// Other float types, a detector's whole-number labels and other devices have been converted to float32 on the host.
  /// @throws Error invalid_model (wrong output, or the model threw), out_of_memory, cancelled, deadline_exceeded
  virtual ModelOutput run(const CropBatch& crops, const RunControl& control) = 0;

  /// Whether the model runs beside the caller's thread, on a device, so that a session is the faster way.
  [[nodiscard]] virtual bool asynchronous() const noexcept { return false; }
  /// Whether the device has failed so that nothing will run on it any more.
  [[nodiscard]] virtual bool lost() const noexcept { return false; }
  /// @return a session of the caller's own; nothing from a backend that has none
  /// @throws Error out_of_memory
  [[nodiscard]] virtual std::unique_ptr<BatchSession> open_session(const DecodeRequest& /*request*/) { return nullptr; }
};

/// Holds a model's output against its metadata: number of tensors, ranks, B, K, w, h; detectors' boxes, scores and labels.
/// @throws Error invalid_model with what was found and what the metadata says
void check_output(const ModelInfo& info, const ModelOutput& output, std::size_t batch);

/// Loads a TorchScript model: file kind → checksum → metadata → load → device and type → freeze → one checked forward.
/// @param task what the model must be for; nothing: whatever it is
/// @throws Error as PoseEstimator's constructor
[[nodiscard]] std::shared_ptr<ModelBackend> load_torchscript(const ModelSource& source, const ModelOptions& options,
                                                             std::optional<Task> task = std::nullopt);

}  // namespace posekit::inline v0
