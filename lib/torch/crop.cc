/// The exact separable bilinear warp with Torch's operators, wherever the image is.
#include "torch/crop.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index.h>

#include <bit>
#include <cstdint>

#include "preprocess/taps.h"

namespace posekit::inline v0 {
namespace {

/// The taps of one axis, on the device.
struct Axis {
  at::Tensor places;         ///< [2n] int64: where the first, then the second pixels lie.
  at::Tensor weight_first;   ///< [n] float32
  at::Tensor weight_second;  ///< Likewise.
  at::Tensor weight_border;  ///< Likewise.
};

constexpr std::int64_t table_rows = 5;  // of 32 bits: first, second, and the bits of three weights

void write_taps(std::int32_t* table, std::int64_t columns, std::int64_t begin, int count, const CropTransform& t, bool along_x,
                int length) {
  for (int i = 0; i < count; ++i) {
    const Tap tap = tap_of(static_cast<std::size_t>(i), along_x ? t.scale_x : t.scale_y, along_x ? t.offset_x : t.offset_y, length);
    std::int32_t* column = table + begin + i;
    column[0] = tap.first;
    column[columns] = tap.second;
    column[2 * columns] = std::bit_cast<std::int32_t>(tap.weight_first);
    column[3 * columns] = std::bit_cast<std::int32_t>(tap.weight_second);
    column[4 * columns] = std::bit_cast<std::int32_t>(tap.weight_border);
  }
}

Axis axis_of(const at::Tensor& table, std::int64_t begin, std::int64_t count) {
  const at::Tensor part = table.narrow(1, begin, count);
  const auto weight = [&](std::int64_t row) { return part.select(0, row).view(at::kFloat); };
  return {part.narrow(0, 0, 2).reshape({-1}).to(at::kLong), weight(2), weight(3), weight(4)};
}

/// The weighted sum along one axis of `pixels`, which hold the first pixels of all taps, then the second ones.
at::Tensor blended(const at::Tensor& pixels, std::int64_t dim, const Axis& axis, double border) {
  const std::int64_t count = axis.weight_first.size(0);
  const auto along = [&](const at::Tensor& weights) { return dim == 0 ? weights.view({count, 1, 1}) : weights.view({count, 1}); };
  return (pixels.narrow(dim, 0, count) * along(axis.weight_first))
      .add_(pixels.narrow(dim, count, count) * along(axis.weight_second))
      .add_(along(axis.weight_border) * border);
}

}  // namespace

at::Tensor borrowed_image(const ImageView& image, c10::Device device) {
  const std::int64_t pixel = channels(image.format);
  return at::from_blob(const_cast<std::uint8_t*>(image.data), {image.height, image.width, pixel},
                       {static_cast<std::int64_t>(image.stride), pixel, 1}, at::TensorOptions().dtype(at::kByte).device(device));
}

void crop_into(const at::Tensor& pixels, const CropTask& task, const c10::TensorOptions& host_memory, const at::Tensor& out) {
  const WarpPlan& plan = task.plan;
  const Size size = plan.size;
  const std::int64_t columns = std::int64_t{size.width} + size.height;
  at::Tensor table = at::empty({table_rows, columns}, host_memory.dtype(at::kInt));
  auto* words = table.mutable_data_ptr<std::int32_t>();
  write_taps(words, columns, 0, size.width, plan.transform, true, task.image.width);
  write_taps(words, columns, size.width, size.height, plan.transform, false, task.image.height);
  table = table.to(pixels.device(), /*non_blocking=*/true);
  const Axis x = axis_of(table, 0, size.width);
  const Axis y = axis_of(table, size.width, size.height);

  // Four pixels for each of the crop's; alpha stays behind.
  const std::int64_t colours = pixels.size(2) == 1 ? 1 : 3;
  at::Tensor crop = at::index(pixels.narrow(2, 0, colours), {y.places.unsqueeze(1), x.places.unsqueeze(0)}).to(at::kFloat);
  crop = blended(blended(crop, 1, x, plan.border), 0, y, plan.border).add_(0.5);
  out.copy_(channel_offsets(task.image.format, plan.color)[0] == 2 ? crop.flip(2) : crop);  // cut off, so rounded half up; gray is spread
}

}  // namespace posekit::inline v0
