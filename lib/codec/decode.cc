/// From a model's output to points in input pixels, for every codec.
#include "codec/decode.h"

#include <utility>

#include "codec/codecs.h"
#include "codec/peak.h"

namespace posekit::inline v0 {

Decoder::Decoder(ModelInfo info, DecodeRequest request) : info_(std::move(info)), request_(std::move(request)) {}

CellPoint Decoder::decode_cell(const ModelOutput& output, std::size_t person, std::size_t i, DecodeScratch& scratch) const {
  const DecodeTask task{info_, output, request_.kernel, person, request_.channels[i]};
  return std::visit([&](const auto& kind) { return posekit::decode_cell(kind, task, scratch); }, info_.output);
}

CellPoint Decoder::refine_cell(const PeakRecord& record) const noexcept {
  const auto& heatmap = std::get<HeatmapOutput>(info_.output);
  return refine_peak(record, heatmap.size, heatmap.refinement);
}

Point Decoder::to_input(const CellPoint& cell) const noexcept {
  return std::visit([&](const auto& kind) { return posekit::to_input(kind, info_, cell); }, info_.output);
}

std::size_t Decoder::cost(bool reduced) const noexcept {
  if (reduced) return refine_cost;
  return std::visit([&](const auto& kind) { return decode_cost(kind, info_); }, info_.output);
}

}  // namespace posekit::inline v0
