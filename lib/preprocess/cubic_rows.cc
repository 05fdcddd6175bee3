/// The rows of a crop that enlarges its part of the image, bicubic along x.
#include "preprocess/cubic_rows.h"

#include <algorithm>
#include <utility>

#include "preprocess/taps.h"

namespace posekit::inline v0 {
namespace {

constexpr std::size_t reach =
    16;  // source values beyond a column for each: the taps of the last one, and what the kernel reads behind them

}  // namespace

std::size_t CubicRows::scratch_values(int width) { return 21 * static_cast<std::size_t>(width) + 3 * reach; }

CubicRows::CubicRows(const ImageView& image, const WarpPlan& plan, WarpScratch& scratch)
    : image_(image), plan_(plan), width_(static_cast<std::size_t>(plan.size.width)) {
  scratch.reserve(plan.size.width);
  auto* next = reinterpret_cast<float*>(scratch.memory.data());
  const auto take = [&](std::size_t values) { return std::exchange(next, next + values); };
  first_ = reinterpret_cast<std::int32_t*>(take(width_));
  for (float*& weights : weights_) weights = take(width_);
  for (float*& plane : source_) plane = take(width_ + reach);
  for (Planes& planes : kept_) {
    for (float*& plane : planes) plane = take(width_);
  }
  outside_.fill(take(width_));
  const auto border = static_cast<float>(plan.border);
  std::fill_n(outside_[0], width_, border);
  for (float* plane : source_) std::fill_n(plane, width_ + reach, border);
  fill_columns();
}

void CubicRows::fill_columns() {
  std::int64_t last = 0;
  for (std::size_t u = 0; u < width_; ++u) {
    CubicTap tap = cubic_tap_of(u, plan_.transform.scale_x, plan_.transform.offset_x, image_.width);
    if (u == 0) source_begin_ = tap.first;
    // Columns are at most one pixel apart: where rounding jumps over one, the position is this whole number.
    if (u > 0 && tap.first > last + 1) tap = {last + 1, {0, 0, 1, 0}};
    last = tap.first;
    first_[u] = static_cast<std::int32_t>(tap.first - source_begin_);
    for (std::size_t i = 0; i < 4; ++i) weights_[i][u] = tap.weights[i];
  }
  source_end_ = last + 4;
}

/// Source row y blended along x.
const CubicRows::Planes& CubicRows::blended_row(std::int64_t y) {
  const std::int64_t begin = std::clamp(source_begin_, std::int64_t{0}, std::int64_t{image_.width});
  const std::int64_t end = std::clamp(source_end_, std::int64_t{0}, std::int64_t{image_.width});
  if (y < 0 || y >= image_.height || begin == end) return outside_;
  const auto slot = static_cast<std::size_t>(y) % kept_.size();  // the four rows of a crop row follow each other
  const Planes& out = kept_[slot];
  if (kept_index_[slot] == y) return out;
  kept_index_[slot] = y;

  const std::ptrdiff_t pixel = channels(image_.format);
  const std::uint8_t* pixels = image_.data + static_cast<std::size_t>(y) * image_.stride + begin * pixel;
  const auto count = static_cast<std::size_t>(end - begin);
  if (y + 1 < image_.height) {  // the next row is needed soon, and far from this one
    for (std::size_t i = 0; i < count * static_cast<std::size_t>(pixel); i += 64) __builtin_prefetch(pixels + image_.stride + i);
  }
  const std::ptrdiff_t outside = begin - source_begin_;  // pixels in front of the image
  const std::array<int, 3> planes = channel_offsets(image_.format, plan_.color);
  if (image_.format == PixelFormat::gray8) {
    std::copy_n(pixels, count, source_[0] + outside);
  } else {
    float* const inside[3]{source_[0] + outside, source_[1] + outside, source_[2] + outside};
    kernels().split_pixels(pixels, pixel, count, inside);
  }
  const auto plane = [&](std::size_t c) { return source_[static_cast<std::size_t>(planes[c])]; };
  const float* const source[3]{plane(0), plane(1), plane(2)};
  kernels().cubic_columns(source, {first_, {weights_[0], weights_[1], weights_[2], weights_[3]}}, width_, out.data());
  return out;
}

CubicBlend CubicRows::row(int v) {
  const CubicTap tap = cubic_tap_of(static_cast<std::size_t>(v), plan_.transform.scale_y, plan_.transform.offset_y, image_.height);
  CubicBlend blend{};
  for (std::size_t i = 0; i < 4; ++i) {
    std::ranges::copy(blended_row(tap.first + static_cast<std::int64_t>(i)), blend.rows[i]);
    blend.weights[i] = tap.weights[i];
  }
  return blend;
}

}  // namespace posekit::inline v0
