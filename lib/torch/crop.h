/// The exact separable warp with Torch's operators, wherever the image is.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/TensorOptions.h>

#include "preprocess/staging.h"

namespace posekit::inline v0 {

/// The pixels of an image on the device, [H,W,C] uint8, borrowed.
/// @throws c10::Error if CUDA knows the pointer as another device's, or not at all
[[nodiscard]] at::Tensor borrowed_image(const ImageView& image, c10::Device device);

/// Warps one crop as warp_rows does, within 1 grey level of it: the same positions and weights, computed on the host in double; pixels
/// in float, rounded half up. Queues its work on the current stream and waits for nothing: the table of positions and weights goes up in
/// one copy from `host_memory`, which Torch keeps until the copy is done.
/// @param pixels [H,W,C] uint8 in `task.image.format`, any strides: read in place of `task.image.data`
/// @param host_memory where the table is made: pinned for a CUDA device
/// @param out [h,w,3] uint8 on the pixels' device, in the plan's colour order
void crop_into(const at::Tensor& pixels, const CropTask& task, const c10::TensorOptions& host_memory, const at::Tensor& out);

}  // namespace posekit::inline v0
