/// The exact separable bilinear warp. The transform is axis-aligned, so each axis has a short table of positions and weights of its own.
#include "preprocess/warp.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

namespace posekit::inline v0 {
namespace {

/// Where one crop pixel lies between two source pixels along one axis; what falls outside the image counts as border.
struct Tap {
  std::int32_t first = 0;   ///< Source index, inside the image.
  std::int32_t second = 0;  ///< Likewise.
  float weight_first = 0;
  float weight_second = 0;
  float weight_border = 1;
};

Tap tap_at(double position, int length) {
  if (!(position > -1 && position < length)) return {};
  const double floor = std::floor(position);
  const double fraction = position - floor;
  const auto index = static_cast<std::int32_t>(floor);
  Tap tap;
  if (index >= 0) {
    tap.first = index;
    tap.weight_first = static_cast<float>(1 - fraction);
  }
  if (index + 1 < length) {
    tap.second = index + 1;
    tap.weight_second = static_cast<float>(fraction);
  }
  const double inside = (index >= 0 ? 1 - fraction : 0) + (index + 1 < length ? fraction : 0);
  tap.weight_border = static_cast<float>(1 - inside);
  return tap;
}

/// Byte offsets of the crop's first, second and third channel within a source pixel.
std::array<int, 3> channel_offsets(PixelFormat format, ColorOrder order) {
  if (format == PixelFormat::gray8) return {0, 0, 0};
  const bool same = (format == PixelFormat::rgb8 || format == PixelFormat::rgba8) == (order == ColorOrder::rgb);
  return same ? std::array{0, 1, 2} : std::array{2, 1, 0};
}

/// Warps row by row. Source rows that are blended along x are kept, as the next crop row often needs them again.
class RowWarp {
 public:
  RowWarp(const ImageView& image, const WarpPlan& plan, WarpScratch& scratch);

  /// The crop's row, interleaved, not rounded. Valid until the next call.
  std::span<const float> row(int v);

 private:
  const float* blended_row(int y, int keep);

  const ImageView& image_;
  const WarpPlan& plan_;
  std::array<int, 3> offsets_;
  std::size_t values_;  ///< Of one row: 3 * width.
  Tap* columns_;
  float* out_;
  std::array<float*, 2> kept_;
  std::array<int, 2> kept_index_{-1, -1};
};

RowWarp::RowWarp(const ImageView& image, const WarpPlan& plan, WarpScratch& scratch)
    : image_(image),
      plan_(plan),
      offsets_(channel_offsets(image.format, plan.color)),
      values_(3 * static_cast<std::size_t>(plan.size.width)) {
  const auto width = static_cast<std::size_t>(plan.size.width);
  const std::size_t bytes = width * sizeof(Tap) + 3 * values_ * sizeof(float);
  if (scratch.memory.size() < bytes) scratch.memory.resize(bytes);
  columns_ = reinterpret_cast<Tap*>(scratch.memory.data());
  out_ = reinterpret_cast<float*>(scratch.memory.data() + width * sizeof(Tap));
  kept_ = {out_ + values_, out_ + 2 * values_};
  for (std::size_t u = 0; u < width; ++u) {
    columns_[u] = tap_at((static_cast<double>(u) - plan.transform.offset_x) / plan.transform.scale_x, image.width);
  }
}

/// Source row y blended along x, in one of the two kept rows, not in `keep`.
const float* RowWarp::blended_row(int y, int keep) {
  for (std::size_t i = 0; i < 2; ++i) {
    if (kept_index_[i] == y) return kept_[i];
  }
  const std::size_t slot = kept_index_[0] == keep ? 1 : 0;
  kept_index_[slot] = y;
  const std::uint8_t* source = image_.data + static_cast<std::size_t>(y) * image_.stride;
  const int pixel = channels(image_.format);
  const auto border = static_cast<float>(plan_.border);
  float* out = kept_[slot];
  for (std::size_t u = 0; u < values_ / 3; ++u) {
    const Tap& tap = columns_[u];
    const std::uint8_t* first = source + static_cast<std::ptrdiff_t>(tap.first) * pixel;
    const std::uint8_t* second = source + static_cast<std::ptrdiff_t>(tap.second) * pixel;
    for (std::size_t c = 0; c < 3; ++c) {
      out[3 * u + c] = tap.weight_first * static_cast<float>(first[offsets_[c]]) +
                       tap.weight_second * static_cast<float>(second[offsets_[c]]) + tap.weight_border * border;
    }
  }
  return out;
}

std::span<const float> RowWarp::row(int v) {
  const Tap tap = tap_at((static_cast<double>(v) - plan_.transform.offset_y) / plan_.transform.scale_y, image_.height);
  const float border = tap.weight_border * static_cast<float>(plan_.border);
  if (tap.weight_first == 0 && tap.weight_second == 0) {
    std::fill_n(out_, values_, border);
    return {out_, values_};
  }
  // A row of weight 0 is not read: it stands in for one outside the image.
  const float* first = blended_row(tap.weight_first != 0 ? tap.first : tap.second, tap.second);
  const float* second = blended_row(tap.weight_second != 0 ? tap.second : tap.first, tap.first);
  for (std::size_t i = 0; i < values_; ++i) out_[i] = tap.weight_first * first[i] + tap.weight_second * second[i] + border;
  return {out_, values_};
}

std::uint8_t rounded(float value) { return static_cast<std::uint8_t>(value + 0.5F); }

}  // namespace

void warp_rows(const ImageView& image, const WarpPlan& plan, int first_row, int last_row, std::uint8_t* out, WarpScratch& scratch) {
  RowWarp warp(image, plan, scratch);
  for (int v = first_row; v < last_row; ++v) {
    const std::span<const float> row = warp.row(v);
    std::uint8_t* to = out + static_cast<std::size_t>(v) * row.size();
    for (std::size_t i = 0; i < row.size(); ++i) to[i] = rounded(row[i]);
  }
}

void warp_rows_normalized(const ImageView& image, const WarpPlan& plan, const std::array<double, 3>& mean, const std::array<double, 3>& std,
                          int first_row, int last_row, float* out, WarpScratch& scratch) {
  RowWarp warp(image, plan, scratch);
  const auto width = static_cast<std::size_t>(plan.size.width);
  const std::size_t plane = width * static_cast<std::size_t>(plan.size.height);
  std::array<std::array<float, 256>, 3> level;  // one value for each grey level, exact
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t value = 0; value < 256; ++value) level[c][value] = static_cast<float>((static_cast<double>(value) - mean[c]) / std[c]);
  }
  for (int v = first_row; v < last_row; ++v) {
    const std::span<const float> row = warp.row(v);
    for (std::size_t c = 0; c < 3; ++c) {
      float* to = out + c * plane + static_cast<std::size_t>(v) * width;
      for (std::size_t u = 0; u < width; ++u) to[u] = level[c][rounded(row[3 * u + c])];
    }
  }
}

void mirror_crop(const std::uint8_t* crop, Size size, std::uint8_t* out) {
  const auto width = static_cast<std::size_t>(size.width);
  for (std::size_t y = 0; y < static_cast<std::size_t>(size.height); ++y) {
    for (std::size_t x = 0; x < width; ++x) std::memcpy(out + 3 * (y * width + x), crop + 3 * (y * width + width - 1 - x), 3);
  }
}

void mirror_crop(const float* crop, Size size, float* out) {
  const auto width = static_cast<std::size_t>(size.width);
  for (std::size_t y = 0; y < 3 * static_cast<std::size_t>(size.height); ++y) {
    std::reverse_copy(crop + y * width, crop + (y + 1) * width, out + y * width);
  }
}

CropTransform resize_transform(Size image, const InputInfo& input) {
  const double stretch_x = static_cast<double>(input.width) / image.width;
  const double stretch_y = static_cast<double>(input.height) / image.height;
  const bool stretch = input.resize == Resize::stretch;
  const double scale = std::min(stretch_x, stretch_y);
  CropTransform transform;
  transform.scale_x = stretch ? stretch_x : scale;
  transform.scale_y = stretch ? stretch_y : scale;
  const bool centred = !stretch && input.pad == Pad::center;
  // Pixel edges coincide: u + 1/2 = (x + 1/2) * scale + room on the left.
  transform.offset_x = transform.scale_x / 2 - 0.5 + (centred ? (input.width - scale * image.width) / 2 : 0);
  transform.offset_y = transform.scale_y / 2 - 0.5 + (centred ? (input.height - scale * image.height) / 2 : 0);
  return transform;
}

}  // namespace posekit::inline v0
