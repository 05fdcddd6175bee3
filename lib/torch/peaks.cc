/// Reduces heatmaps to peak records with Torch's operators, wherever the heatmaps are.
#include "torch/peaks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/index.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/max.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <tuple>

#include "codec/dark.h"
#include "codec/flip.h"

namespace posekit::inline v0 {
namespace {

constexpr std::int64_t no_peak = -1;
constexpr std::int64_t needs_full_map = -2;
constexpr std::size_t channels_at_once = 64;  // of a reduction of full maps, which takes three copies of a map in double
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

at::Tensor on(c10::Device device, const std::vector<std::int64_t>& values) { return at::tensor(values).to(device); }

/// Cells around a peak that a refinement reads.
std::int64_t reach_of(const HeatmapOutput& output) {
  switch (output.refinement) {
    case Refinement::dark: return dark_reach(output.blur_kernel);
    case Refinement::quarter: return 1;
    case Refinement::none: break;
  }
  return 0;
}

at::Tensor bits(const at::Tensor& floats) { return floats.contiguous().view(at::kInt); }

/// Cells within the map: those outside become the nearest ones inside.
at::Tensor inside(const at::Tensor& cells, std::int64_t length) { return cells.clamp(0, length - 1); }

}  // namespace

PeakReduction::PeakReduction(const ModelInfo& info, const DecodeRequest& request, c10::Device device)
    : kernel_values_(request.kernel), all_channels_(request.channels.size() == info.pose().keypoints.size()) {
  const auto& output = std::get<HeatmapOutput>(info.output);
  refinement_ = output.refinement;
  width_ = output.size.width;
  height_ = output.size.height;
  reach_ = reach_of(output);
  std::vector<std::int64_t> channels;
  std::vector<std::int64_t> partners;
  for (const std::size_t channel : request.channels) {
    all_channels_ = all_channels_ && channel == channels.size();
    channels.push_back(static_cast<std::int64_t>(channel));
    partners.push_back(static_cast<std::int64_t>(info.pose().keypoints.keypoints[channel].swap.value_or(channel)));
  }
  std::vector<std::int64_t> columns;
  const auto width = static_cast<std::size_t>(width_);
  for (std::size_t x = 0; x < width; ++x) columns.push_back(static_cast<std::int64_t>(mirrored_column(x, width, output.flip_shift)));
  std::vector<std::int64_t> offsets_x;
  std::vector<std::int64_t> offsets_y;
  for (std::int64_t y = -reach_; y <= reach_; ++y) {
    for (std::int64_t x = -reach_; x <= reach_; ++x) {
      offsets_x.push_back(x);
      offsets_y.push_back(y);
    }
  }
  channels_ = on(device, channels);
  partners_ = on(device, partners);
  columns_ = on(device, columns);
  offsets_x_ = on(device, offsets_x);
  offsets_y_ = on(device, offsets_y);
  neighbours_ = on(device, {-1, 0, 1});
  kernel_ = at::tensor(kernel_values_).to(device);
}

at::Tensor PeakReduction::wanted(const at::Tensor& heatmaps) const {
  return all_channels_ ? heatmaps : heatmaps.index_select(1, channels_);
}

at::Tensor PeakReduction::wanted_mean(const at::Tensor& plain, const at::Tensor& mirrored) const {
  const at::Tensor back = mirrored.index_select(1, partners_).index_select(3, columns_).to(at::kFloat);
  return wanted(plain).to(at::kFloat).add(back).div_(2);
}

/// Maps and the peaks found in them.
struct PeakReduction::Found {
  at::Tensor maps;   ///< [B,C,h*w]
  at::Tensor score;  ///< [B,C]
  at::Tensor index;
  at::Tensor blurred_max;  ///< Undefined where only the peak's surroundings were read.
};

at::Tensor PeakReduction::reduce(const at::Tensor& heatmaps) const {
  Found found;
  // Rows follow one another in contiguous and in channels-last heatmaps alike, so this is a view.
  found.maps = (heatmaps.scalar_type() == at::kDouble ? heatmaps.to(at::kFloat) : heatmaps).flatten(2);
  std::tie(found.score, found.index) = at::max(found.maps, 2);  // the first maximum; where there is a NaN, the NaN
  return records(found);
}

at::Tensor PeakReduction::reduce_full_map(const at::Tensor& heatmaps, std::span<const std::int64_t> channels) const {
  std::vector<at::Tensor> parts;
  for (std::size_t first = 0; first < channels.size(); first += channels_at_once) {
    std::vector<std::int64_t> persons;
    std::vector<std::int64_t> places;
    for (const std::int64_t channel : channels.subspan(first, std::min(channels_at_once, channels.size() - first))) {
      persons.push_back(channel / heatmaps.size(1));
      places.push_back(channel % heatmaps.size(1));
    }
    const at::Tensor maps =
        at::index(heatmaps, {on(heatmaps.device(), persons), on(heatmaps.device(), places)}).to(at::kFloat).contiguous().unsqueeze(0);
    Found found;
    found.maps = maps.flatten(2);
    std::tie(found.score, found.index) = at::max(at::where(at::isnan(found.maps), -infinity, found.maps), 2);
    found.blurred_max = refinement_ == Refinement::dark ? blurred_maximum(maps) : at::full_like(found.score, nan);
    parts.push_back(records(found).squeeze(0));
  }
  return at::cat(parts);
}

at::Tensor PeakReduction::records(const Found& found) const {
  const at::Tensor score = found.score.to(at::kFloat);
  const at::Tensor x = found.index.remainder(width_);
  const at::Tensor y = found.index.floor_divide(width_);
  const at::Tensor cells_x = x.unsqueeze(-1) + offsets_x_;
  const at::Tensor cells_y = y.unsqueeze(-1) + offsets_y_;
  const at::Tensor near_x = inside(cells_x, width_);
  const at::Tensor near_y = inside(cells_y, height_);
  const at::Tensor values = found.maps.gather(2, near_y * width_ + near_x).to(at::kFloat);
  const at::Tensor usable = at::isfinite(values).all(-1);
  at::Tensor place = at::where(usable, found.index, no_peak);

  at::Tensor around;
  at::Tensor blurred_max = found.blurred_max.defined() ? found.blurred_max : at::full_like(score, nan);
  at::Tensor unclear = at::isnan(score);
  if (refinement_ == Refinement::dark) {
    const at::Tensor in_map = (cells_x == near_x).logical_and_(cells_y == near_y);
    around = blurred_around(at::where(in_map, values, 0.0).to(at::kDouble), x, y);
    const at::Tensor clipped = score < dark_lowest;  // everything is clipped: the integer peak is the answer
    around = at::where(clipped.unsqueeze(-1), 0.0, around);
    const at::Tensor clip_is_far = (around >= dark_lowest).all(-1).logical_and_(score <= dark_highest);
    const at::Tensor clear = clipped.logical_or(clip_is_far);
    blurred_max = at::where(clear, nan, blurred_max);
    unclear = unclear.logical_or_(clear.logical_not().logical_and_(usable));
  } else if (refinement_ == Refinement::quarter) {
    around = values;
  } else {
    around = at::zeros_like(values).expand({-1, -1, 9});
  }
  if (!found.blurred_max.defined()) place = at::where(unclear, needs_full_map, place);
  return at::cat({place.to(at::kInt).unsqueeze(-1), bits(score).unsqueeze(-1), bits(around.to(at::kFloat)),
                  bits(blurred_max.to(at::kFloat)).unsqueeze(-1)},
                 -1);
}

/// The blurred values in the 3x3 cells around each peak as [B,C,9]; cells outside the map repeat the nearest one inside.
at::Tensor PeakReduction::blurred_around(const at::Tensor& patches, const at::Tensor& x, const at::Tensor& y) const {
  const std::int64_t side = 2 * reach_ + 1;
  const auto length = static_cast<std::int64_t>(kernel_values_.size());
  const at::Tensor square = patches.view({patches.size(0), patches.size(1), side, side});
  const at::Tensor columns = square.unfold(2, length, 1).mul(kernel_).sum(-1);
  const at::Tensor middle = columns.unfold(3, length, 1).mul(kernel_).sum(-1).to(at::kFloat).flatten(2);
  const at::Tensor from_x = inside(x.unsqueeze(-1) + neighbours_, width_) - x.unsqueeze(-1) + 1;
  const at::Tensor from_y = inside(y.unsqueeze(-1) + neighbours_, height_) - y.unsqueeze(-1) + 1;
  return middle.gather(2, (from_y.unsqueeze(-1) * 3 + from_x.unsqueeze(-2)).flatten(2));
}

/// The maxima of whole blurred maps [1,N,h,w] as [1,N]; cells whose blur is not a number are skipped.
at::Tensor PeakReduction::blurred_maximum(const at::Tensor& maps) const {
  const auto half = static_cast<std::int64_t>(kernel_values_.size() / 2);
  const auto blur = [&](const at::Tensor& from, std::int64_t axis) {
    const at::Tensor padded = axis == 3 ? at::constant_pad_nd(from, {half, half}) : at::constant_pad_nd(from, {0, 0, half, half});
    at::Tensor sum = at::zeros_like(from);
    for (std::size_t i = 0; i < kernel_values_.size(); ++i)
      sum.add_(padded.narrow(axis, static_cast<std::int64_t>(i), from.size(axis)), kernel_values_[i]);
    return sum;
  };
  const at::Tensor rows = blur(maps.to(at::kDouble), 3).to(at::kFloat).to(at::kDouble);
  const at::Tensor blurred = blur(rows, 2);
  return at::amax(at::where(at::isnan(blurred), -infinity, blurred), {2, 3}).to(at::kFloat);
}

bool unpack(const std::int32_t* words, std::int32_t width, PeakRecord& record) noexcept {
  record = {};
  if (words[0] < 0) return words[0] != needs_full_map;
  record.usable = true;
  record.x = words[0] % width;
  record.y = words[0] / width;
  record.score = std::bit_cast<float>(words[1]);
  for (std::size_t i = 0; i < record.around.size(); ++i) record.around[i] = std::bit_cast<float>(words[2 + i]);
  record.blurred_max = std::bit_cast<float>(words[11]);
  return true;
}

}  // namespace posekit::inline v0
