/// The exact separable warp with Torch's operators, wherever the image is.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>

#include "preprocess/staging.h"

namespace posekit::inline v0 {

/// The pixels of an image on the device, [H,W,C] uint8, borrowed.
/// @throws c10::Error if CUDA knows the pointer as another device's, or not at all
[[nodiscard]] at::Tensor borrowed_image(const ImageView& image, c10::Device device);

/// Words of 32 bits that the table of positions and weights of a crop of this size takes at most.
[[nodiscard]] std::int64_t crop_table_size(Size size) noexcept;

/// Warps one crop as warp_rows does, within 1 grey level of it: the same positions and weights, computed on the host in double; pixels
/// in float, rounded half up. Queues its work on the current stream and waits for nothing: the table of positions and weights goes up in
/// one copy.
/// @param pixels [H,W,C] uint8 in `task.image.format`, any strides: read in place of `task.image.data`
/// @param table [crop_table_size] int32 on the host, page-locked for a CUDA device: for this crop alone until the stream has read it
/// @param out [h,w,3] uint8 on the pixels' device, in the plan's colour order
void crop_into(const at::Tensor& pixels, const CropTask& task, const at::Tensor& table, const at::Tensor& out);

}  // namespace posekit::inline v0
