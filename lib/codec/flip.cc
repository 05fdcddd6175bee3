/// The flip test: averages a plain output with that of the mirrored input.
#include "codec/flip.h"

#include <memory>
#include <utility>
#include <vector>

#include "codec/codecs.h"

namespace posekit::inline v0 {

void average_rows(const ChannelPair& pair, bool mirror, bool shift, float* out) {
  for (std::size_t row = 0; row < pair.plain.size(); row += pair.width) {
    for (std::size_t x = 0; x < pair.width; ++x) {
      const std::size_t other = mirror ? mirrored_column(x, pair.width, shift) : x;
      out[row + x] = (pair.plain[row + x] + pair.mirrored[row + other]) / 2;
    }
  }
}

ModelOutput average_flipped(const ModelInfo& info, const ModelOutput& plain, const ModelOutput& mirrored,
                            std::span<const std::size_t> channels) {
  auto memory = std::make_shared<std::vector<std::unique_ptr<float[]>>>();
  ModelOutput result;
  for (std::size_t t = 0; t < plain.tensors.size(); ++t) {
    OutputTensor tensor = plain.tensors[t];
    const std::size_t size = channel_size(tensor);
    float* out = memory->emplace_back(std::make_unique_for_overwrite<float[]>(tensor.shape[0] * tensor.shape[1] * size)).get();
    for (std::size_t person = 0; person < tensor.shape[0]; ++person) {
      for (const std::size_t channel : channels) {
        const std::span<const float> own = channel_of(tensor, person, channel);
        const std::size_t partner = info.pose().keypoints.keypoints[channel].swap.value();
        const ChannelPair pair{own, channel_of(mirrored.tensors[t], person, partner), t, tensor.shape[tensor.rank - 1]};
        float* to = out + (own.data() - tensor.data);
        std::visit([&](const auto& output) { average_flipped_channel(output, info, pair, to); }, info.output);
      }
    }
    tensor.data = out;
    result.tensors.push_back(tensor);
  }
  result.owner = std::move(memory);
  return result;
}

}  // namespace posekit::inline v0
