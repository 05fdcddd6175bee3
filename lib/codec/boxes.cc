/// The codec boxes_scores of detectors.
#include "codec/boxes.h"

#include "codec/output_check.h"

namespace posekit::inline v0 {

void check_codec(const BoxesOutput& /*kind*/, const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  expect_tensors(info, output, 2, 3);
  const std::size_t candidates = output.tensors[0].rank == 3 ? output.tensors[0].shape[1] : 0;
  const std::size_t boxes[] = {batch, candidates, 4};
  const std::size_t values[] = {batch, candidates};
  expect_shape(info, output.tensors[0], boxes, "boxes: B, N, 4");
  expect_shape(info, output.tensors[1], values, "scores: B, N");
  if (output.tensors.size() > 2) expect_shape(info, output.tensors[2], values, "labels: B, N");
}

CellPoint decode_cell(const BoxesOutput& /*kind*/, const DecodeTask& /*task*/, DecodeScratch& /*scratch*/) { return {}; }
Point to_input(const BoxesOutput& /*kind*/, const ModelInfo& /*info*/, const CellPoint& cell) noexcept { return {cell.x, cell.y}; }
void average_flipped_channel(const BoxesOutput& /*kind*/, const ModelInfo& /*info*/, const ChannelPair& /*pair*/, float* /*out*/) {}
std::size_t decode_cost(const BoxesOutput& /*kind*/, const ModelInfo& /*info*/) noexcept { return 0; }

}  // namespace posekit::inline v0
