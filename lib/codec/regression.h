/// The codec regression: [B,K,2 or 3].
#pragma once

#include <cstddef>

#include "codec/decode_task.h"
#include "codec/flip.h"
#include "codec/model_output.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

void check_codec(const RegressionOutput& kind, const ModelInfo& info, const ModelOutput& output, std::size_t batch);
[[nodiscard]] CellPoint decode_cell(const RegressionOutput& kind, const DecodeTask& task, DecodeScratch& scratch);
[[nodiscard]] Point to_input(const RegressionOutput& kind, const ModelInfo& info, const CellPoint& cell) noexcept;
void average_flipped_channel(const RegressionOutput& kind, const ModelInfo& info, const ChannelPair& pair, float* out);
[[nodiscard]] std::size_t decode_cost(const RegressionOutput& kind, const ModelInfo& info) noexcept;

}  // namespace posekit::inline v0
