/// Reduces heatmaps to peak records with Torch's operators, wherever the heatmaps are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "codec/decode_request.h"
#include "codec/peak_record.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// What codec/peak.cc does on the host, for all channels of a batch at once; docs/design/device.md says how. Immutable, safe to share.
/// Works on the current stream and never waits for it.
///
/// A record travels as `words` int32: where the peak is, then score, the nine values around, the blurred maximum as bits of floats.
class PeakReduction {
 public:
  static constexpr std::int64_t words = 12;

  /// @param info of a model whose output is heatmaps
  PeakReduction(const ModelInfo& info, const DecodeRequest& request, c10::Device device);

  /// The wanted channels of [B,K,h,w] in the wanted order; the tensor itself if all are wanted in their own order.
  [[nodiscard]] at::Tensor wanted(const at::Tensor& heatmaps) const;
  /// The same of the mean with the mirror images' heatmaps, mirrored back, left and right swapped; float32.
  [[nodiscard]] at::Tensor wanted_mean(const at::Tensor& plain, const at::Tensor& mirrored) const;

  /// Records of [B,C,h,w] as [B,C,words]. Contiguous and channels-last heatmaps are read where they are; half, bfloat16 and float in
  /// their own type, double as float. Channels that need the full map are only marked.
  [[nodiscard]] at::Tensor reduce(const at::Tensor& heatmaps) const;
  /// Records of marked channels as [N,words]. @param channels index into the C channels of B persons, person by person
  [[nodiscard]] at::Tensor reduce_full_map(const at::Tensor& heatmaps, std::span<const std::int64_t> channels) const;

 private:
  struct Found;
  [[nodiscard]] at::Tensor records(const Found& found) const;
  [[nodiscard]] at::Tensor blurred_around(const at::Tensor& patches, const at::Tensor& x, const at::Tensor& y) const;
  [[nodiscard]] at::Tensor blurred_maximum(const at::Tensor& maps) const;

  Refinement refinement_ = Refinement::none;
  std::vector<double> kernel_values_;
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
  std::int64_t reach_ = 0;  ///< Cells around a peak that must be finite.
  bool all_channels_;       ///< All are wanted, in their own order.
  at::Tensor channels_;     ///< Wanted channels,
  at::Tensor partners_;     ///< their left/right partners,
  at::Tensor columns_;      ///< and which column of the mirror image's heatmap belongs to each column: for the flip test.
  at::Tensor offsets_x_;    ///< Of the cells within reach, row by row.
  at::Tensor offsets_y_;
  at::Tensor neighbours_;  ///< -1, 0, 1
  at::Tensor kernel_;
};

/// Reads a record off its words. @return false: the channel needs the full map
[[nodiscard]] bool unpack(const std::int32_t* words, std::int32_t width, PeakRecord& record) noexcept;

}  // namespace posekit::inline v0
