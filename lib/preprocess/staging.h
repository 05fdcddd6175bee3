/// Fills the staging buffer of a batch: crops are warped by the executor, large ones in bands of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "posekit/executor.h"
#include "posekit/image.h"
#include "posekit/model_info.h"
#include "posekit/run_control.h"
#include "preprocess/warp.h"

namespace posekit::inline v0 {

/// The form in which a backend takes crops.
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

/// Warps the crops, one after the other, into `out`, which has room for them. Nothing is written for crops whose images are on a device.
/// @param scratch one for each slot of the executor; grown where it is too small, and kept by the caller for the next call
/// @throws Error cancelled, deadline_exceeded, or what the executor throws
void stage_crops(std::span<const CropTask> crops, const InputInfo& input, CropFormat format, Executor& executor, const RunControl& control,
                 std::vector<WarpScratch>& scratch, std::byte* out);

}  // namespace posekit::inline v0
