/// From a model's output to points in input pixels, for every codec.
#include "codec/decode.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "codec/gaussian_kernel.h"

namespace posekit::inline v0 {
namespace {

/// The values of one channel of one person.
std::span<const float> channel_of(const OutputTensor& tensor, std::size_t person, std::size_t channel) {
  std::size_t count = 1;
  for (std::size_t i = 2; i < tensor.rank; ++i) count *= tensor.shape[i];
  return {tensor.data + (person * tensor.shape[1] + channel) * count, count};
}

struct Bin {
  std::size_t index = 0;
  float score = 0;
  bool usable = false;
};

/// The first maximum, NaN skipped.
Bin best_bin(std::span<const float> bins) {
  Bin best;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    if (std::isnan(bins[i]) || (best.usable && !(bins[i] > best.score))) continue;
    best = {i, bins[i], true};
  }
  best.usable = best.usable && std::isfinite(best.score);
  return best;
}

CellPoint decode_simcc(const ModelOutput& output, std::size_t person, std::size_t channel) {
  const Bin x = best_bin(channel_of(output.tensors[0], person, channel));
  const Bin y = best_bin(channel_of(output.tensors[1], person, channel));
  if (!x.usable || !y.usable) return {};
  const float score = std::min(x.score, y.score);
  return {static_cast<double>(x.index), static_cast<double>(y.index), score, score > 0};
}

CellPoint decode_regression(const ModelOutput& output, std::size_t person, std::size_t channel, const InputInfo& input, bool normalized) {
  const std::span<const float> values = channel_of(output.tensors[0], person, channel);
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return {};
  const double x = static_cast<double>(values[0]) * (normalized ? input.width : 1);
  const double y = static_cast<double>(values[1]) * (normalized ? input.height : 1);
  return {x, y, values.size() > 2 ? values[2] : 1.0F, true};
}

}  // namespace

Decoder::Decoder(const ModelInfo& info, std::vector<std::size_t> channels)
    : input_(info.input), output_(info.output), alignment_(info.alignment), channels_(std::move(channels)) {
  if (output_.codec == Codec::udp_heatmap) output_.refinement = Refinement::dark;
  if (output_.refinement == Refinement::dark) kernel_ = gaussian_kernel(output_.blur_kernel);
}

CellPoint Decoder::decode_cell(const ModelOutput& output, std::size_t person, std::size_t i, DecodeScratch& scratch) const {
  const std::size_t channel = channels_[i];
  if (output_.codec == Codec::simcc) return decode_simcc(output, person, channel);
  if (output_.codec == Codec::regression) return decode_regression(output, person, channel, input_, output_.normalized);
  const Size size{output_.width, output_.height};
  return refine_cell(reduce_peak(channel_of(output.tensors[0], person, channel), size, output_.refinement, kernel_, scratch));
}

CellPoint Decoder::refine_cell(const PeakRecord& record) const noexcept {
  return refine_peak(record, {output_.width, output_.height}, output_.refinement);
}

DecodeRequest Decoder::request(bool flip_test) const {
  return {.channels = channels_, .refinement = output_.refinement, .kernel = kernel_, .flip_test = flip_test};
}

Point Decoder::to_input(const CellPoint& cell) const noexcept {
  if (output_.codec == Codec::regression) return {cell.x, cell.y};
  if (output_.codec == Codec::simcc) return {cell.x / output_.split_ratio, cell.y / output_.split_ratio};
  if (alignment_ == Alignment::classic) return {cell.x * input_.width / output_.width, cell.y * input_.height / output_.height};
  return {cell.x * (input_.width - 1) / std::max(1, output_.width - 1), cell.y * (input_.height - 1) / std::max(1, output_.height - 1)};
}

}  // namespace posekit::inline v0
