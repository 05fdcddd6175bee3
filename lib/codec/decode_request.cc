/// What is wanted of a model's output.
#include "codec/decode_request.h"

#include <numeric>
#include <utility>

#include "codec/dark.h"

namespace posekit::inline v0 {

DecodeRequest make_decode_request(const ModelInfo& info, std::vector<std::size_t> channels, bool flip_test) {
  DecodeRequest request{.channels = std::move(channels), .kernel = {}, .flip_test = flip_test};
  const auto* heatmap = std::get_if<HeatmapOutput>(&info.output);
  if (heatmap != nullptr && heatmap->refinement == Refinement::dark) request.kernel = gaussian_kernel(heatmap->blur_kernel);
  return request;
}

DecodeRequest make_decode_request(const ModelInfo& info) {
  std::vector<std::size_t> channels(info.pose().keypoints.size());
  std::iota(channels.begin(), channels.end(), std::size_t{0});
  return make_decode_request(info, std::move(channels), /*flip_test=*/false);
}

}  // namespace posekit::inline v0
