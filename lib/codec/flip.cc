/// The flip test: averages a plain output with that of the mirrored input.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "codec/decode.h"

namespace posekit::inline v0 {
namespace {

/// Which value of a mirrored row belongs to column x of the plain one.
std::size_t mirrored_column(std::size_t x, std::size_t width, bool shift) {
  // Shifted: the mirrored-back row moves right by one cell; column 0 keeps its value.
  const std::size_t from = shift && x > 0 ? x - 1 : x;
  return width - 1 - from;
}

/// Averages one channel of rows, mirroring along the last axis.
void average_rows(const float* plain, const float* mirrored, std::size_t rows, std::size_t width, bool mirror, bool shift, float* out) {
  for (std::size_t y = 0; y < rows; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const std::size_t other = mirror ? mirrored_column(x, width, shift) : x;
      out[y * width + x] = (plain[y * width + x] + mirrored[y * width + other]) / 2;
    }
  }
}

/// mmpose's convention: x becomes 1 - x - 1/W in units of the width.
void average_point(const float* plain, const float* mirrored, std::size_t values, float width, bool normalized, float* out) {
  const float x = normalized ? 1 - mirrored[0] - 1 / width : width - mirrored[0] - 1;
  out[0] = (plain[0] + x) / 2;
  for (std::size_t i = 1; i < values; ++i) out[i] = (plain[i] + mirrored[i]) / 2;
}

}  // namespace

ModelOutput average_flipped(const ModelInfo& info, const ModelOutput& plain, const ModelOutput& mirrored,
                            std::span<const std::size_t> channels) {
  auto memory = std::make_shared<std::vector<std::unique_ptr<float[]>>>();
  ModelOutput result;
  for (std::size_t t = 0; t < plain.tensors.size(); ++t) {
    OutputTensor tensor = plain.tensors[t];
    std::size_t channel_size = 1;
    for (std::size_t i = 2; i < tensor.rank; ++i) channel_size *= tensor.shape[i];
    const std::size_t width = tensor.shape[tensor.rank - 1];
    const std::size_t total = tensor.shape[0] * tensor.shape[1] * channel_size;
    float* out = memory->emplace_back(std::make_unique_for_overwrite<float[]>(total)).get();

    for (std::size_t person = 0; person < tensor.shape[0]; ++person) {
      for (const std::size_t channel : channels) {
        const std::size_t own = (person * tensor.shape[1] + channel) * channel_size;
        const std::size_t partner = (person * tensor.shape[1] + info.keypoints.keypoints[channel].swap.value()) * channel_size;
        const float* from = tensor.data + own;
        const float* other = mirrored.tensors[t].data + partner;
        if (info.output.codec == Codec::regression) {
          average_point(from, other, channel_size, static_cast<float>(info.input.width), info.output.normalized, out + own);
        } else {
          const bool is_y_of_simcc = info.output.codec == Codec::simcc && t == 1;
          const bool shift = info.output.codec == Codec::heatmap && info.flip_shift;
          average_rows(from, other, channel_size / width, width, !is_y_of_simcc, shift, out + own);
        }
      }
    }
    tensor.data = out;
    result.tensors.push_back(tensor);
  }
  result.owner = std::move(memory);
  return result;
}

}  // namespace posekit::inline v0
