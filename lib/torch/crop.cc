/// The exact separable warp with Torch's operators, wherever the image is.
#include "torch/crop.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "preprocess/taps.h"

namespace posekit::inline v0 {
namespace {

/// The pixels of which a column or row of the crop is made, with their weights; what is outside of the image counts as border.
struct Taps {
  std::array<std::int32_t, 4> indices{};  ///< Inside of the image; of weight 0 where there are fewer.
  std::array<float, 4> weights{};
  float weight_border = 1;
};

Taps bilinear_taps(std::size_t position, double scale, double offset, int length) {
  const Tap tap = tap_of(position, scale, offset, length);
  return {{tap.first, tap.second}, {tap.weight_first, tap.weight_second}, tap.weight_border};
}

Taps cubic_taps(std::size_t position, double scale, double offset, int length) {
  const CubicTap tap = cubic_tap_of(position, scale, offset, length);
  Taps taps;
  for (std::size_t i = 0; i < tap.weights.size(); ++i) {
    const std::int64_t pixel = tap.first + static_cast<std::int64_t>(i);
    if (pixel < 0 || pixel >= length) continue;
    taps.indices[i] = static_cast<std::int32_t>(pixel);
    taps.weights[i] = tap.weights[i];
    taps.weight_border -= tap.weights[i];
  }
  return taps;
}

/// How a crop's columns, and then its rows, are made: one table of 32 bits, as the device gets it.
struct TapTable {
  std::int64_t taps;     ///< Of each column and row.
  std::int64_t columns;  ///< Of the table: the crop's columns and rows.
  at::Tensor words;      ///< [2 taps + 1, columns] int32: indices, and the bits of their weights and of the border's.

  TapTable(bool cubic, Size size, const at::Tensor& memory)
      : taps(cubic ? 4 : 2),
        columns(std::int64_t{size.width} + size.height),
        words(memory.narrow(0, 0, (2 * taps + 1) * columns).view({2 * taps + 1, columns})) {}

  void write(std::int64_t at, const Taps& column) {
    auto* to = words.mutable_data_ptr<std::int32_t>() + at;
    for (std::int64_t i = 0; i < taps; ++i) {
      to[i * columns] = column.indices[static_cast<std::size_t>(i)];
      to[(taps + i) * columns] = std::bit_cast<std::int32_t>(column.weights[static_cast<std::size_t>(i)]);
    }
    to[2 * taps * columns] = std::bit_cast<std::int32_t>(column.weight_border);
  }
};

/// The taps of one axis, on the device.
struct Axis {
  at::Tensor indices;        ///< [taps * n] int64: of the first pixels, then of the second ones, and so on.
  at::Tensor weights;        ///< [taps, n] float32
  at::Tensor weight_border;  ///< [n] float32
};

Axis axis_of(const TapTable& table, const at::Tensor& words, std::int64_t begin, std::int64_t count) {
  const at::Tensor part = words.narrow(1, begin, count);
  return {part.narrow(0, 0, table.taps).reshape({-1}).to(at::kLong), part.narrow(0, table.taps, table.taps).view(at::kFloat),
          part.select(0, 2 * table.taps).view(at::kFloat)};
}

/// The weighted sum along one axis of `pixels`, which hold the first pixels of all taps, then the second ones, and so on.
at::Tensor blended(const at::Tensor& pixels, std::int64_t dim, const Axis& axis, double border) {
  const std::int64_t count = axis.weights.size(1);
  const auto along = [&](const at::Tensor& weights) { return dim == 0 ? weights.view({count, 1, 1}) : weights.view({count, 1}); };
  at::Tensor sum = pixels.narrow(dim, 0, count) * along(axis.weights.select(0, 0));
  for (std::int64_t i = 1; i < axis.weights.size(0); ++i) {
    sum.add_(pixels.narrow(dim, i * count, count) * along(axis.weights.select(0, i)));
  }
  return sum.add_(along(axis.weight_border) * border);
}

}  // namespace

at::Tensor borrowed_image(const ImageView& image, c10::Device device) {
  const std::int64_t pixel = channels(image.format);
  return at::from_blob(const_cast<std::uint8_t*>(image.data), {image.height, image.width, pixel},
                       {static_cast<std::int64_t>(image.stride), pixel, 1}, at::TensorOptions().dtype(at::kByte).device(device));
}

std::int64_t crop_table_size(Size size) noexcept {
  constexpr std::int64_t rows = 2 * 4 + 1;  // of a bicubic crop's table
  return rows * (std::int64_t{size.width} + size.height);
}

void crop_into(const at::Tensor& pixels, const CropTask& task, const at::Tensor& memory, const at::Tensor& out) {
  const WarpPlan& plan = task.plan;
  const CropTransform& t = plan.transform;
  const Size size = plan.size;
  const bool cubic = is_cubic(plan);
  const auto taps_at = cubic ? cubic_taps : bilinear_taps;
  TapTable table(cubic, size, memory);
  for (int u = 0; u < size.width; ++u) table.write(u, taps_at(static_cast<std::size_t>(u), t.scale_x, t.offset_x, task.image.width));
  std::int64_t first_row = task.image.height - 1;  // of those that are read
  std::int64_t last_row = 0;
  for (int v = 0; v < size.height; ++v) {
    const Taps taps = taps_at(static_cast<std::size_t>(v), t.scale_y, t.offset_y, task.image.height);
    table.write(size.width + v, taps);
    for (std::size_t i = 0; i < taps.indices.size(); ++i) {
      if (taps.weights[i] == 0) continue;
      first_row = std::min<std::int64_t>(first_row, taps.indices[i]);
      last_row = std::max<std::int64_t>(last_row, taps.indices[i]);
    }
  }
  const at::Tensor words = table.words.to(pixels.device(), /*non_blocking=*/true);
  const Axis x = axis_of(table, words, 0, size.width);
  const Axis y = axis_of(table, words, size.width, size.height);

  const at::Tensor colours = pixels.narrow(2, 0, pixels.size(2) == 1 ? 1 : 3);  // alpha stays behind
  at::Tensor crop;
  if (cubic) {  // the crop reads fewer rows than it has, all of them near each other
    last_row = std::max(last_row, first_row);
    const at::Tensor rows = colours.narrow(0, first_row, last_row - first_row + 1).index_select(1, x.indices).to(at::kFloat);
    const at::Tensor in_rows = (y.indices - first_row).clamp_(0, last_row - first_row);
    crop = blended(blended(rows, 1, x, plan.border).index_select(0, in_rows), 0, y, plan.border).clamp_(0, 255);
  } else {  // only four pixels for each of the crop's
    crop = at::index(colours, {y.indices.unsqueeze(1), x.indices.unsqueeze(0)}).to(at::kFloat);
    crop = blended(blended(crop, 1, x, plan.border), 0, y, plan.border);
  }
  crop.add_(0.5);
  out.copy_(channel_offsets(task.image.format, plan.color)[0] == 2 ? crop.flip(2) : crop);  // cut off, so rounded half up; gray is spread
}

}  // namespace posekit::inline v0
