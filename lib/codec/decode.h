/// From a model's output to points in input pixels, for every codec; and the flip test's averaging.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "codec/decode_request.h"
#include "codec/model_output.h"
#include "codec/peak.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

/// Decodes pose models' outputs of one ModelInfo. Immutable, safe to share.
class Decoder {
 public:
  /// @param channels the output channels that are wanted, in the order they are wanted in
  Decoder(const ModelInfo& info, std::vector<std::size_t> channels);

  [[nodiscard]] std::size_t size() const noexcept { return channels_.size(); }

  /// The point of wanted channel `i` of person `person`, in cells (heatmaps), bins (simcc) or input pixels (regression).
  [[nodiscard]] CellPoint decode_cell(const ModelOutput& output, std::size_t person, std::size_t i, DecodeScratch& scratch) const;

  /// The point of a record that a backend has reduced a heatmap to.
  [[nodiscard]] CellPoint refine_cell(const PeakRecord& record) const noexcept;

  /// What a backend has to know to reduce heatmaps itself.
  [[nodiscard]] DecodeRequest request(bool flip_test) const;

  /// Makes room in a slot's scratch memory, so that decoding does not allocate (but for weak channels, whose whole blur is needed).
  void reserve(DecodeScratch& scratch) const { scratch.reserve(kernel_.size()); }

  /// A cell point in input pixels.
  [[nodiscard]] Point to_input(const CellPoint& cell) const noexcept;

 private:
  InputInfo input_;
  OutputInfo output_;
  Alignment alignment_;
  std::vector<std::size_t> channels_;
  std::vector<double> kernel_;
};

/// Averages a plain output with that of the mirrored input: mirrors it back, swaps left and right channels, shifts where the codec does.
/// Only the wanted channels of the result are defined. @throws nothing but std::bad_alloc
[[nodiscard]] ModelOutput average_flipped(const ModelInfo& info, const ModelOutput& plain, const ModelOutput& mirrored,
                                          std::span<const std::size_t> channels);

}  // namespace posekit::inline v0
