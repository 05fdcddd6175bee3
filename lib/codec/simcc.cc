/// The codec simcc: x [B,K,Wx] and y [B,K,Wy].
#include "codec/simcc.h"

#include <algorithm>
#include <cmath>

#include "codec/output_check.h"

namespace posekit::inline v0 {
namespace {

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

}  // namespace

void check_codec(const SimccOutput& kind, const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  expect_tensors(info, output, 2, 2);
  const int lengths[] = {info.input.width, info.input.height};
  for (std::size_t i = 0; i < 2; ++i) {
    expect_keypoints(info, output.tensors[i]);
    const std::size_t expected[] = {batch, info.pose().keypoints.size(),
                                    static_cast<std::size_t>(std::lround(lengths[i] * kind.split_ratio))};
    expect_shape(info, output.tensors[i], expected, i == 0 ? "B, K, input.width x split_ratio" : "B, K, input.height x split_ratio");
  }
}

CellPoint decode_cell(const SimccOutput& /*kind*/, const DecodeTask& task, DecodeScratch& /*scratch*/) {
  const Bin x = best_bin(channel_of(task.output.tensors[0], task.person, task.channel));
  const Bin y = best_bin(channel_of(task.output.tensors[1], task.person, task.channel));
  if (!x.usable || !y.usable) return {};
  const float score = std::min(x.score, y.score);
  return {static_cast<double>(x.index), static_cast<double>(y.index), score, score > 0};
}

Point to_input(const SimccOutput& kind, const ModelInfo& /*info*/, const CellPoint& cell) noexcept {
  return {cell.x / kind.split_ratio, cell.y / kind.split_ratio};
}

void average_flipped_channel(const SimccOutput& /*kind*/, const ModelInfo& /*info*/, const ChannelPair& pair, float* out) {
  average_rows(pair, /*mirror=*/pair.tensor == 0, /*shift=*/false, out);  // y stays
}

std::size_t decode_cost(const SimccOutput& kind, const ModelInfo& info) noexcept {
  return static_cast<std::size_t>(kind.split_ratio * (info.input.width + info.input.height)) + 1;
}

}  // namespace posekit::inline v0
