/// The codec regression: [B,K,2 or 3].
#include "codec/regression.h"

#include <algorithm>
#include <cmath>

#include "codec/output_check.h"

namespace posekit::inline v0 {

void check_codec(const RegressionOutput& /*kind*/, const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  expect_tensors(info, output, 1, 1);
  expect_keypoints(info, output.tensors[0]);
  const std::size_t values = output.tensors[0].rank == 3 && output.tensors[0].shape[2] == 2 ? 2 : 3;
  const std::size_t expected[] = {batch, info.pose().keypoints.size(), values};
  expect_shape(info, output.tensors[0], expected, "B, K, 2 or 3");
}

CellPoint decode_cell(const RegressionOutput& kind, const DecodeTask& task, DecodeScratch& /*scratch*/) {
  const std::span<const float> values = channel_of(task.output.tensors[0], task.person, task.channel);
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return {};
  const double x = static_cast<double>(values[0]) * (kind.normalized ? task.info.input.width : 1);
  const double y = static_cast<double>(values[1]) * (kind.normalized ? task.info.input.height : 1);
  return {x, y, values.size() > 2 ? values[2] : 1.0F, true};
}

Point to_input(const RegressionOutput& /*kind*/, const ModelInfo& /*info*/, const CellPoint& cell) noexcept { return {cell.x, cell.y}; }

/// mmpose's convention: x becomes 1 - x - 1/W in units of the width.
void average_flipped_channel(const RegressionOutput& kind, const ModelInfo& info, const ChannelPair& pair, float* out) {
  const auto width = static_cast<float>(info.input.width);
  const float x = kind.normalized ? 1 - pair.mirrored[0] - 1 / width : width - pair.mirrored[0] - 1;
  out[0] = (pair.plain[0] + x) / 2;
  for (std::size_t i = 1; i < pair.plain.size(); ++i) out[i] = (pair.plain[i] + pair.mirrored[i]) / 2;
}

std::size_t decode_cost(const RegressionOutput& /*kind*/, const ModelInfo& /*info*/) noexcept { return 8; }

}  // namespace posekit::inline v0
