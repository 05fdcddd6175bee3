/// The flip test: which value of a mirrored output belongs to which of the plain one.
#pragma once

#include <cstddef>
#include <span>

#include "codec/model_output.h"
#include "posekit/export.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// Which value of a mirrored row belongs to column x of the plain one.
/// @param shift the mirrored-back row moves right by one cell; column 0 keeps its value
[[nodiscard]] constexpr std::size_t mirrored_column(std::size_t x, std::size_t width, bool shift) noexcept {
  return width - 1 - (shift && x > 0 ? x - 1 : x);
}

/// One channel of a tensor, before it is averaged.
struct ChannelPair {
  std::span<const float> plain;     ///< The values of the wanted channel.
  std::span<const float> mirrored;  ///< The values of its left/right partner in the output of the mirrored input.
  std::size_t tensor = 0;           ///< Which of the output's tensors.
  std::size_t width = 0;            ///< Values of a row: the tensor's last dimension.
};

/// Averages rows of values. @param mirror whether columns change places
void average_rows(const ChannelPair& pair, bool mirror, bool shift, float* out);

/// Averages a plain output with that of the mirrored input: mirrors it back, swaps left and right channels, shifts where the codec does.
/// Only the wanted channels of the result are defined. @throws nothing but std::bad_alloc
[[nodiscard]] POSEKIT_API ModelOutput average_flipped(const ModelInfo& info, const ModelOutput& plain, const ModelOutput& mirrored,
                                                      std::span<const std::size_t> channels);

}  // namespace posekit::inline v0
