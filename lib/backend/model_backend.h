/// The interface between posekit and what runs a model. Nothing above it knows Torch.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <span>

#include "backend/memory_meter.h"
#include "codec/decode_request.h"
#include "codec/model_output.h"
#include "codec/peak_record.h"
#include "posekit/device.h"
#include "posekit/export.h"
#include "posekit/model_info.h"
#include "posekit/run_control.h"
#include "preprocess/staging.h"

namespace posekit::inline v0 {

/// What a session gives for one batch. Views stay valid until the slot's next `submit`.
struct BatchResult {
  std::span<const PeakRecord> peaks;  ///< Where heatmaps were reduced: [B, wanted channels], the flip test done.
  ModelOutput output;                 ///< Else the output, the flip test done.
};

/// Runs a caller's batches. Each slot is the memory of one batch, which passes through staging → crop (for images on the device) → submit →
/// collect. Where the model runs beside the caller's thread, one batch is computed while the next is filled.
///
/// A slot is for one thread at a time. Of two slots at once, one may be collected or submitted while another is staged, cropped into or
/// collected. The backend must outlive it. The destructor waits for what is still computed.
class POSEKIT_API BatchSession {
 public:
  static constexpr std::size_t slots = 2;  ///< Of a session on one device.

  BatchSession() = default;
  BatchSession(const BatchSession&) = delete;
  BatchSession& operator=(const BatchSession&) = delete;
  virtual ~BatchSession() = default;

  /// How many batches a caller should have in flight, its slots numbered from 0: 1 where `collect` itself runs the batch. It may fall when
  /// a device is lost.
  [[nodiscard]] virtual std::size_t slot_count() const noexcept { return slots; }
  /// Which of the slots in flight is to be collected next: the oldest, or, where several devices share the work, one that has ended, after
  /// waiting for it.
  [[nodiscard]] virtual std::size_t next_to_collect(std::size_t oldest) { return oldest; }

  /// Memory for the slot's crops, in the backend's format, without gaps; reused, never allocated once it is large enough. Free to write
  /// until `submit`.
  /// @throws Error out_of_memory
  [[nodiscard]] virtual std::byte* staging(std::size_t slot, std::size_t crops) = 0;

  /// Cuts a crop out of an image on the session's device, there, as crop number `position` of the slot; what `staging` holds for that crop
  /// is not read. Does not wait, except after an error, which frees the slot. The image must stay until `collect`, or until a `submit` that
  /// failed.
  /// @throws Error invalid_argument (the pixels are elsewhere, or the session is not on one device), out_of_memory, internal
  virtual void crop(std::size_t slot, std::size_t position, const CropTask& task);

  /// Sends the slot's first `crops` crops on their way: upload, normalisation, forward, flip test, reduction, download. Waits for none of
  /// them; while earlier batches fill the device, it waits until there is room. After an error the slot is free again.
  /// @throws Error cancelled, deadline_exceeded, and as `collect`
  virtual void submit(std::size_t slot, std::size_t crops, const RunControl& control) = 0;

  /// Waits for the slot's batch; a forward that runs is not interrupted. The slot is free again, after an error too. Shapes agree with the
  /// metadata; other float types, a detector's whole-number labels and other devices have been converted to float32 on the host.
  /// @throws Error invalid_model (wrong output, or the model threw), out_of_memory, internal; device_unavailable if the device is lost:
  ///         nothing will run on it any more
  [[nodiscard]] virtual BatchResult collect(std::size_t slot) = 0;
};

/// A loaded model. Thread-safe.
class ModelBackend {
 public:
  ModelBackend() = default;
  ModelBackend(const ModelBackend&) = delete;
  ModelBackend& operator=(const ModelBackend&) = delete;
  virtual ~ModelBackend() = default;

  [[nodiscard]] virtual const ModelInfo& info() const noexcept = 0;
  /// At least one, all of one kind.
  [[nodiscard]] virtual std::span<const Device> devices() const noexcept = 0;
  [[nodiscard]] bool on_cpu() const noexcept { return devices().front().kind == DeviceKind::cpu; }
  [[nodiscard]] virtual CropFormat crop_format() const noexcept = 0;
  /// The most crops that the model can take in one batch.
  [[nodiscard]] virtual std::size_t max_batch() const noexcept { return std::numeric_limits<std::size_t>::max(); }
  /// As Model says.
  [[nodiscard]] virtual bool is_fused() const noexcept { return false; }
  /// @return a session of the caller's own @throws Error out_of_memory
  [[nodiscard]] virtual std::unique_ptr<BatchSession> open_session(const DecodeRequest& request) = 0;
  /// Gives back what the process keeps of the devices' memory for reuse, so that a smaller batch, or another process, can have it.
  virtual void release_cached() noexcept = 0;
  /// @throws Error invalid_argument for a model on several devices
  [[nodiscard]] virtual std::unique_ptr<MemoryMeter> memory() = 0;
  /// The same model with sessions that do their work on the threads that call them, for who measures a thread.
  [[nodiscard]] virtual ModelBackend& on_callers_threads() noexcept { return *this; }
};

}  // namespace posekit::inline v0
