/// From a model's output to points in input pixels, for every codec.
#pragma once

#include <cstddef>

#include "codec/cell_point.h"
#include "codec/decode_request.h"
#include "codec/decode_scratch.h"
#include "codec/model_output.h"
#include "codec/peak_record.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// Decodes the outputs of one pose model. Immutable, safe to share.
class Decoder {
 public:
  Decoder(ModelInfo info, DecodeRequest request);

  [[nodiscard]] const DecodeRequest& request() const noexcept { return request_; }

  /// The point of wanted channel `i` of person `person`, in cells (heatmaps), bins (simcc) or input pixels (regression).
  [[nodiscard]] CellPoint decode_cell(const ModelOutput& output, std::size_t person, std::size_t i, DecodeScratch& scratch) const;

  /// The point of a record that a heatmap has been reduced to.
  [[nodiscard]] CellPoint refine_cell(const PeakRecord& record) const noexcept;

  /// A cell point in input pixels.
  [[nodiscard]] Point to_input(const CellPoint& cell) const noexcept;

  /// About how many values one channel's decode looks at. @param reduced whether it starts from a record
  [[nodiscard]] std::size_t cost(bool reduced) const noexcept;

  /// Makes room in a slot's scratch memory, so that decoding does not allocate (but for weak channels, whose whole blur is needed).
  void reserve(DecodeScratch& scratch) const { scratch.reserve(request_.kernel.size()); }

 private:
  ModelInfo info_;
  DecodeRequest request_;
};

}  // namespace posekit::inline v0
