/// The exact separable warp. The transform is axis-aligned, so each axis has a short table of positions and weights of its own.
#include "preprocess/warp.h"

#include <algorithm>
#include <cstring>

#include "preprocess/cubic_rows.h"
#include "preprocess/taps.h"
#include "vector/kernels.h"

namespace posekit::inline v0 {
namespace {

constexpr std::int32_t widest = 1 << 29;  // pixels of four bytes that an offset of 32 bits reaches

/// A row in three planes, in the crop's channel order.
using Planes = std::array<float*, 3>;

/// Row by row, bilinear. Source rows that are blended along x are kept, as the next crop row often needs them again.
class BilinearRows {
 public:
  BilinearRows(const ImageView& image, const WarpPlan& plan, WarpScratch& scratch);

  /// Row v of the crop, to be blended from two rows. Valid until the next call.
  RowBlend row(int v);

 private:
  const Planes& blended_row(int y, int keep);
  void blend_one(const std::uint8_t* source, const Planes& out, std::size_t u) const;

  const ImageView& image_;
  const WarpPlan& plan_;
  std::array<int, 3> offsets_;
  std::size_t width_;
  std::array<Planes, 2> kept_;
  std::array<int, 2> kept_index_{-1, -1};
  Tap* taps_;
  std::int32_t* inside_offsets_;
  float* inside_weights_;
  /// The columns that lie between two pixels of the image, without its last one: reading four bytes there could pass the image's end.
  std::size_t inside_begin_ = 0;
  std::size_t inside_end_ = 0;
};

BilinearRows::BilinearRows(const ImageView& image, const WarpPlan& plan, WarpScratch& scratch)
    : image_(image), plan_(plan), offsets_(channel_offsets(image.format, plan.color)), width_(static_cast<std::size_t>(plan.size.width)) {
  scratch.reserve(plan.size.width);
  auto* planes = reinterpret_cast<float*>(scratch.memory.data());
  for (std::size_t i = 0; i < 6; ++i) kept_[i / 3][i % 3] = planes + i * width_;
  inside_weights_ = planes + 6 * width_;
  inside_offsets_ = reinterpret_cast<std::int32_t*>(inside_weights_ + width_);
  taps_ = reinterpret_cast<Tap*>(inside_offsets_ + width_);
  for (std::size_t u = 0; u < width_; ++u) {
    const Tap tap = tap_of(u, plan.transform.scale_x, plan.transform.offset_x, image.width);
    taps_[u] = tap;
    const bool inside = tap.second == tap.first + 1 && tap.second + 1 < image.width && tap.second < widest;
    if (!inside) continue;
    if (inside_end_ == 0) inside_begin_ = u;
    inside_end_ = u + 1;
    inside_offsets_[u] = tap.first * channels(image.format);
    inside_weights_[u] = tap.weight_second;
  }
}

/// Blends along x at one column, anywhere.
void BilinearRows::blend_one(const std::uint8_t* source, const Planes& out, std::size_t u) const {
  const Tap& tap = taps_[u];
  const int pixel = channels(image_.format);
  const std::uint8_t* first = source + static_cast<std::ptrdiff_t>(tap.first) * pixel;
  const std::uint8_t* second = source + static_cast<std::ptrdiff_t>(tap.second) * pixel;
  for (std::size_t c = 0; c < 3; ++c) {
    out[c][u] = tap.weight_first * static_cast<float>(first[offsets_[c]]) + tap.weight_second * static_cast<float>(second[offsets_[c]]) +
                tap.weight_border * static_cast<float>(plan_.border);
  }
}

/// Source row y blended along x, in one of the two kept rows, not in `keep`.
const Planes& BilinearRows::blended_row(int y, int keep) {
  for (std::size_t i = 0; i < 2; ++i) {
    if (kept_index_[i] == y) return kept_[i];
  }
  const std::size_t slot = kept_index_[0] == keep ? 1 : 0;
  kept_index_[slot] = y;
  const std::uint8_t* source = image_.data + static_cast<std::size_t>(y) * image_.stride;
  const Planes& out = kept_[slot];
  const Planes in_image_order = offsets_[0] == 2 ? Planes{out[2], out[1], out[0]} : out;
  for (std::size_t u = 0; u < inside_begin_; ++u) blend_one(source, out, u);
  const std::size_t inside = inside_end_ - inside_begin_;
  const Planes from_inside{in_image_order[0] + inside_begin_, in_image_order[1] + inside_begin_, in_image_order[2] + inside_begin_};
  if (image_.format == PixelFormat::gray8) {
    for (std::size_t u = inside_begin_; u < inside_end_; ++u) blend_one(source, out, u);
  } else {
    const ColumnTaps taps{inside_offsets_ + inside_begin_, inside_weights_ + inside_begin_, channels(image_.format)};
    kernels().blend_columns(source, taps, inside, from_inside.data());
  }
  for (std::size_t u = inside_end_; u < width_; ++u) blend_one(source, out, u);
  return out;
}

RowBlend BilinearRows::row(int v) {
  const Tap tap = tap_of(static_cast<std::size_t>(v), plan_.transform.scale_y, plan_.transform.offset_y, image_.height);
  // A row of weight 0 is not read: it stands in for one outside the image, where both are any row.
  const Planes& first = blended_row(tap.weight_first != 0 ? tap.first : tap.second, tap.second);
  const Planes& second = blended_row(tap.weight_second != 0 ? tap.second : tap.first, tap.first);
  return {{first[0], first[1], first[2]},
          {second[0], second[1], second[2]},
          tap.weight_first,
          tap.weight_second,
          tap.weight_border * static_cast<float>(plan_.border)};
}

/// Calls with each row of the crop, to be blended, and the index of its first pixel.
template <class Use>
void for_each_row(const ImageView& image, const WarpPlan& plan, int first_row, int last_row, WarpScratch& scratch, const Use& use) {
  const auto width = static_cast<std::size_t>(plan.size.width);
  const auto all = [&](auto rows) {
    for (int v = first_row; v < last_row; ++v) use(rows.row(v), static_cast<std::size_t>(v) * width);
  };
  if (is_cubic(plan)) {
    all(CubicRows(image, plan, scratch));
  } else {
    all(BilinearRows(image, plan, scratch));
  }
}

void round_row(const RowBlend& row, std::size_t count, std::uint8_t* out) { kernels().round_row(row, count, out); }
void round_row(const CubicBlend& row, std::size_t count, std::uint8_t* out) { kernels().round_cubic_row(row, count, out); }

void normalize_row(const RowBlend& row, int channel, std::size_t count, const Normalization& normalization, float* out) {
  kernels().normalize_row(row, channel, count, normalization, out);
}
void normalize_row(const CubicBlend& row, int channel, std::size_t count, const Normalization& normalization, float* out) {
  kernels().normalize_cubic_row(row, channel, count, normalization, out);
}

}  // namespace

void WarpScratch::reserve(int width) {
  const std::size_t bilinear = static_cast<std::size_t>(width) * (7 * sizeof(float) + sizeof(std::int32_t) + sizeof(Tap));
  const std::size_t bytes = std::max(bilinear, CubicRows::scratch_values(width) * sizeof(float));
  if (memory.size() < bytes) memory.resize(bytes);
}

void warp_rows(const ImageView& image, const WarpPlan& plan, int first_row, int last_row, std::uint8_t* out, WarpScratch& scratch) {
  const auto width = static_cast<std::size_t>(plan.size.width);
  for_each_row(image, plan, first_row, last_row, scratch,
               [&](const auto& row, std::size_t pixel) { round_row(row, width, out + 3 * pixel); });
}

void warp_rows_normalized(const ImageView& image, const WarpPlan& plan, const std::array<double, 3>& mean, const std::array<double, 3>& std,
                          int first_row, int last_row, float* out, WarpScratch& scratch) {
  const auto width = static_cast<std::size_t>(plan.size.width);
  const std::size_t plane = width * static_cast<std::size_t>(plan.size.height);
  std::array<Normalization, 3> normalizations;
  for (std::size_t c = 0; c < 3; ++c) {
    const auto rounded = static_cast<float>(mean[c]);
    normalizations[c] = {rounded, static_cast<float>(mean[c] - static_cast<double>(rounded)), static_cast<float>(1 / std[c])};
  }
  for_each_row(image, plan, first_row, last_row, scratch, [&](const auto& row, std::size_t pixel) {
    for (std::size_t c = 0; c < 3; ++c) normalize_row(row, static_cast<int>(c), width, normalizations[c], out + pixel + c * plane);
  });
}

void mirror_crop(const float* crop, Size size, float* out) {
  const auto width = static_cast<std::size_t>(size.width);
  for (std::size_t y = 0; y < 3 * static_cast<std::size_t>(size.height); ++y) {
    std::reverse_copy(crop + y * width, crop + (y + 1) * width, out + y * width);
  }
}

}  // namespace posekit::inline v0
