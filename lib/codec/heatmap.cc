/// The codecs udp_heatmap and heatmap: [B,K,h,w].
#include "codec/heatmap.h"

#include <algorithm>

#include "codec/output_check.h"
#include "codec/peak.h"

namespace posekit::inline v0 {

void check_codec(const HeatmapOutput& kind, const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  expect_tensors(info, output, 1, 1);
  expect_keypoints(info, output.tensors[0]);
  const std::size_t expected[] = {batch, info.pose().keypoints.size(), static_cast<std::size_t>(kind.size.height),
                                  static_cast<std::size_t>(kind.size.width)};
  expect_shape(info, output.tensors[0], expected, "B, K, output.height, output.width");
}

CellPoint decode_cell(const HeatmapOutput& kind, const DecodeTask& task, DecodeScratch& scratch) {
  const std::span<const float> channel = channel_of(task.output.tensors[0], task.person, task.channel);
  return refine_peak(reduce_peak(channel, kind.size, kind.refinement, task.kernel, scratch), kind.size, kind.refinement);
}

Point to_input(const HeatmapOutput& kind, const ModelInfo& info, const CellPoint& cell) noexcept {
  const InputInfo& input = info.input;
  if (info.pose().alignment == Alignment::classic)
    return {cell.x * input.width / kind.size.width, cell.y * input.height / kind.size.height};
  return {cell.x * (input.width - 1) / std::max(1, kind.size.width - 1), cell.y * (input.height - 1) / std::max(1, kind.size.height - 1)};
}

void average_flipped_channel(const HeatmapOutput& kind, const ModelInfo& /*info*/, const ChannelPair& pair, float* out) {
  average_rows(pair, /*mirror=*/true, kind.flip_shift, out);
}

std::size_t decode_cost(const HeatmapOutput& kind, const ModelInfo& /*info*/) noexcept {
  return refine_cost + static_cast<std::size_t>(kind.size.width) * static_cast<std::size_t>(kind.size.height);
}

}  // namespace posekit::inline v0
