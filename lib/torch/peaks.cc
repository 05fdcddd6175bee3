/// Reduces heatmaps to their peaks with Torch's operators, wherever the heatmaps are.
#include "torch/peaks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/index.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/max.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "codec/flip.h"
#include "codec/peak.h"

namespace posekit::inline v0 {
namespace {

constexpr std::size_t maps_at_once = 128;  // of those that are read whole: three copies in double

at::Tensor on(c10::Device device, const std::vector<std::int64_t>& values) { return at::tensor(values).to(device); }

/// The blur of a line of cells, zeros outside, as a matrix. @return [length,length] float64
at::Tensor blur_matrix(const std::vector<double>& kernel, std::int64_t length) {
  const auto half = static_cast<std::int64_t>(kernel.size() / 2);
  at::Tensor matrix = at::zeros({length, length}, at::kDouble);
  auto* to = matrix.mutable_data_ptr<double>();
  for (std::int64_t cell = 0; cell < length; ++cell) {
    for (std::int64_t from = std::max<std::int64_t>(0, cell - half); from <= std::min(length - 1, cell + half); ++from)
      to[cell * length + from] = kernel[static_cast<std::size_t>(from - cell + half)];
  }
  return matrix;
}

/// Some channels' maps, [N,h,w] in their own type. @param channels of B persons, person by person
at::Tensor maps_of(const at::Tensor& heatmaps, std::span<const std::int64_t> channels) {
  std::vector<std::int64_t> places;
  for (const std::int64_t channel : channels) places.push_back(channel / heatmaps.size(1));
  for (const std::int64_t channel : channels) places.push_back(channel % heatmaps.size(1));
  const at::Tensor both = on(heatmaps.device(), places).view({2, -1});
  return at::index(heatmaps, {both.select(0, 0), both.select(0, 1)});
}

template <class Use>
void in_parts(std::span<const std::int64_t> channels, const Use& use) {
  for (std::size_t first = 0; first < channels.size(); first += maps_at_once)
    use(channels.subspan(first, std::min(maps_at_once, channels.size() - first)));
}

}  // namespace

PeakReduction::PeakReduction(const ModelInfo& info, const DecodeRequest& request, c10::Device device)
    : output_(std::get<HeatmapOutput>(info.output)),
      kernel_(request.kernel),
      all_channels_(request.channels.size() == info.pose().keypoints.size()) {
  std::vector<std::int64_t> channels;
  std::vector<std::int64_t> partners;
  for (const std::size_t channel : request.channels) {
    all_channels_ = all_channels_ && channel == channels.size();
    channels.push_back(static_cast<std::int64_t>(channel));
    partners.push_back(static_cast<std::int64_t>(info.pose().keypoints.keypoints[channel].swap.value_or(channel)));
  }
  std::vector<std::int64_t> columns;
  const auto width = static_cast<std::size_t>(output_.size.width);
  for (std::size_t x = 0; x < width; ++x) columns.push_back(static_cast<std::int64_t>(mirrored_column(x, width, output_.flip_shift)));
  std::vector<std::int64_t> offsets_x;
  std::vector<std::int64_t> offsets_y;
  const std::int64_t reach = peak_reach(output_.refinement, kernel_.size());
  for (std::int64_t y = -reach; y <= reach; ++y) {
    for (std::int64_t x = -reach; x <= reach; ++x) {
      offsets_x.push_back(x);
      offsets_y.push_back(y);
    }
  }
  channels_ = on(device, channels);
  partners_ = on(device, partners);
  columns_ = on(device, columns);
  offsets_x_ = on(device, offsets_x);
  offsets_y_ = on(device, offsets_y);
  if (output_.refinement == Refinement::dark) {
    blur_x_ = blur_matrix(kernel_, output_.size.width).to(device);  // symmetric, as the kernel is
    blur_y_ = blur_matrix(kernel_, output_.size.height).to(device);
  }
}

at::Tensor PeakReduction::wanted(const at::Tensor& heatmaps) const {
  const at::Tensor chosen = all_channels_ ? heatmaps : heatmaps.index_select(1, channels_);
  return chosen.scalar_type() == at::kDouble ? chosen.to(at::kFloat) : chosen;
}

at::Tensor PeakReduction::wanted_mean(const at::Tensor& plain, const at::Tensor& mirrored) const {
  const at::Tensor back = mirrored.index_select(1, partners_).index_select(3, columns_).to(at::kFloat);
  return wanted(plain).to(at::kFloat).add(back).div_(2);
}

PeakReduction::Peaks PeakReduction::peaks(const at::Tensor& heatmaps) const {
  const at::Tensor maps = heatmaps.flatten(2);  // a view: rows follow one another in contiguous and in channels-last heatmaps alike
  const at::Tensor places = std::get<1>(at::max(maps, 2));  // the first maximum; where there is a NaN, the NaN
  const at::Tensor x = places.remainder(output_.size.width).unsqueeze(-1).add(offsets_x_).clamp_(0, output_.size.width - 1);
  const at::Tensor y = places.floor_divide(output_.size.width).unsqueeze(-1).add(offsets_y_).clamp_(0, output_.size.height - 1);
  return {places, maps.gather(2, y.mul_(output_.size.width).add_(x)).to(at::kFloat)};
}

std::vector<std::int64_t> PeakReduction::read(const Peaks& peaks, std::span<PeakRecord> records, DecodeScratch& scratch) const {
  const auto* places = peaks.places.const_data_ptr<std::int64_t>();
  const auto cells = static_cast<std::size_t>(peaks.patches.size(2));
  const std::span patches(peaks.patches.const_data_ptr<float>(), records.size() * cells);
  std::vector<std::int64_t> incomplete;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const bool complete = reduce_patch(static_cast<std::size_t>(places[i]), patches.subspan(i * cells, cells), output_.size,
                                       output_.refinement, kernel_, scratch, records[i]);
    if (!complete) incomplete.push_back(static_cast<std::int64_t>(i));
  }
  return incomplete;
}

void PeakReduction::complete(const at::Tensor& heatmaps, std::span<const std::int64_t> channels, std::span<PeakRecord> records,
                             DecodeScratch& scratch) const {
  const auto record = [&](std::int64_t channel) -> PeakRecord& { return records[static_cast<std::size_t>(channel)]; };
  std::vector<std::int64_t> weak;
  std::vector<std::int64_t> not_finite;
  for (const std::int64_t channel : channels) (std::isnan(record(channel).score) ? not_finite : weak).push_back(channel);
  in_parts(weak, [&](std::span<const std::int64_t> part) {
    const at::Tensor maxima = blurred_maxima(maps_of(heatmaps, part)).to(at::kCPU);
    for (std::size_t i = 0; i < part.size(); ++i) {
      record(part[i]).blurred_max = maxima.const_data_ptr<float>()[i];
      if (std::isnan(record(part[i]).blurred_max)) not_finite.push_back(part[i]);
    }
  });
  const std::size_t cells = static_cast<std::size_t>(output_.size.width) * static_cast<std::size_t>(output_.size.height);
  in_parts(not_finite, [&](std::span<const std::int64_t> part) {
    const at::Tensor maps = maps_of(heatmaps, part).to(at::kFloat).to(at::kCPU).contiguous();
    const std::span values(maps.const_data_ptr<float>(), part.size() * cells);
    for (std::size_t i = 0; i < part.size(); ++i)
      record(part[i]) = reduce_peak(values.subspan(i * cells, cells), output_.size, output_.refinement, kernel_, scratch);
  });
}

/// The maxima of whole blurred maps [N,h,w], rounded where the codec rounds, as [N] float32; NaN where a map has values that are not
/// finite, which products of matrices spread.
at::Tensor PeakReduction::blurred_maxima(const at::Tensor& maps) const {
  const at::Tensor rows = at::matmul(maps.to(at::kDouble), blur_x_).to(at::kFloat).to(at::kDouble);
  return at::matmul(blur_y_, rows).amax({1, 2}).to(at::kFloat);
}

}  // namespace posekit::inline v0
