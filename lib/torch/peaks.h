/// Reduces heatmaps to their peaks with Torch's operators, wherever the heatmaps are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "codec/decode_request.h"
#include "codec/decode_scratch.h"
#include "codec/peak_record.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// What the codec needs of a batch's heatmaps, taken out where they are: docs/design/device.md says how. Immutable, safe to share.
class PeakReduction {
 public:
  /// Of each channel, its maximum and what lies around.
  struct Peaks {
    at::Tensor places;   ///< [B,C] int64: the cell, in row-major order; where there is a NaN, that one's.
    at::Tensor patches;  ///< [B,C,cells] float32: row by row, as reduce_patch takes them.
  };

  /// @param info of a model whose output is heatmaps
  PeakReduction(const ModelInfo& info, const DecodeRequest& request, c10::Device device);

  /// The wanted channels of [B,K,h,w] in the wanted order; the tensor itself if all are wanted in their own order. float64 as float32.
  [[nodiscard]] at::Tensor wanted(const at::Tensor& heatmaps) const;
  /// The same of the mean with the mirror images' heatmaps, mirrored back, left and right swapped; float32.
  [[nodiscard]] at::Tensor wanted_mean(const at::Tensor& plain, const at::Tensor& mirrored) const;

  /// Of wanted heatmaps, [B,C,h,w]. Contiguous and channels-last ones are read where they are, half, bfloat16 and float32 in their own
  /// type. Works on the current stream and never waits for it.
  [[nodiscard]] Peaks peaks(const at::Tensor& heatmaps) const;

  /// Reads records off peaks that are on the host. @return those channels of B persons, person by person, whose record is not complete
  [[nodiscard]] std::vector<std::int64_t> read(const Peaks& peaks, std::span<PeakRecord> records, DecodeScratch& scratch) const;
  /// Completes them from the whole heatmaps that `peaks` was given. Works on the current stream and waits for it.
  /// @param records as `read` left them
  void complete(const at::Tensor& heatmaps, std::span<const std::int64_t> channels, std::span<PeakRecord> records,
                DecodeScratch& scratch) const;

 private:
  [[nodiscard]] at::Tensor blurred_maxima(const at::Tensor& maps) const;

  HeatmapOutput output_;
  std::vector<double> kernel_;
  bool all_channels_;     ///< All are wanted, in their own order.
  at::Tensor channels_;   ///< Wanted channels,
  at::Tensor partners_;   ///< their left/right partners,
  at::Tensor columns_;    ///< and which column of the mirror image's heatmap belongs to each column: for the flip test.
  at::Tensor offsets_x_;  ///< Of the cells around a peak, row by row.
  at::Tensor offsets_y_;
  at::Tensor blur_x_;  ///< For dark: [w,w], blurs the rows of maps that stand to its left;
  at::Tensor blur_y_;  ///< [h,h], blurs the columns of maps that stand to its right.
};

}  // namespace posekit::inline v0
