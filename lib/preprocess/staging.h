/// Fills the staging buffer of a batch: crops are warped by the executor, large ones in bands of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "posekit/executor.h"
#include "posekit/image.h"
#include "posekit/model.h"
#include "posekit/run_control.h"
#include "preprocess/warp.h"

namespace posekit::inline v0 {

/// What a backend wants its crops as.
enum class CropFormat : std::uint8_t {
  uint8_hwc,  ///< [B,H,W,3] bytes in the model's channel order; the backend normalises.
  float_chw   ///< [B,3,H,W] floats in the model's channel order, normalised.
};

/// Bytes of one crop.
[[nodiscard]] constexpr std::size_t crop_bytes(CropFormat format, Size input) noexcept {
  return static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.height) * 3 *
         (format == CropFormat::float_chw ? sizeof(float) : 1);
}

/// One crop of a batch; the image is borrowed.
struct CropTask {
  ImageView image;
  WarpPlan plan;
};

/// Memory of a batch, reused from call to call. For one call at a time.
struct Staging {
  std::vector<float> crops;               ///< Raw memory, floats for their alignment.
  std::byte* lent = nullptr;              ///< Large enough memory of someone else's to be filled in place of `crops`.
  std::vector<WarpScratch> warp_scratch;  ///< One for each slot of the executor.

  [[nodiscard]] std::byte* data() noexcept { return lent != nullptr ? lent : reinterpret_cast<std::byte*>(crops.data()); }
  /// Makes room for that many bytes; keeps what is there when it fits.
  void reserve(std::size_t bytes) {
    if (lent == nullptr && crops.size() * sizeof(float) < bytes) crops.resize((bytes + sizeof(float) - 1) / sizeof(float));
  }
};

/// Warps the crops, one behind the other, into `staging`. The places of those whose images lie on a device are left as they are.
/// @throws Error cancelled, deadline_exceeded, or what the executor throws
void stage_crops(std::span<const CropTask> crops, const InputInfo& input, CropFormat format, Executor& executor, const RunControl& control,
                 Staging& staging);

/// Writes the mirror images of `count` staged crops into `mirrored`: the flip test's second batch.
void stage_mirrored(Staging& staging, std::size_t count, const InputInfo& input, CropFormat format, Executor& executor, Staging& mirrored);

}  // namespace posekit::inline v0
