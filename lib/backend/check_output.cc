/// Holds a model's output against its metadata.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <span>
#include <string>

#include "backend/model_backend.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

std::string shape_text(const OutputTensor& tensor) {
  return fmt::format("[{}]", fmt::join(std::span(tensor.shape).first(tensor.rank), ", "));
}

[[noreturn]] void fail(const ModelInfo& info, const std::string& found, const std::string& expected) {
  throw Error(
      ErrorCode::invalid_model,
      fmt::format("model \"{}\" gives {}, its metadata says {}: correct the metadata or take another model", info.name, found, expected));
}

void check_count(const ModelInfo& info, const ModelOutput& output, std::size_t least, std::size_t most) {
  if (output.tensors.size() >= least && output.tensors.size() <= most) return;
  const std::string expected = least == most ? fmt::format("{}", least) : fmt::format("{} or {}", least, most);
  fail(info, fmt::format("{} tensors", output.tensors.size()), fmt::format("{} for codec \"{}\"", expected, to_string(info.output.codec)));
}

void check_shape(const ModelInfo& info, const OutputTensor& tensor, std::span<const std::size_t> expected, std::string_view meaning) {
  bool equal = tensor.rank == expected.size();
  for (std::size_t i = 0; equal && i < expected.size(); ++i) equal = tensor.shape[i] == expected[i];
  if (!equal) fail(info, "an output of shape " + shape_text(tensor), fmt::format("[{}] ({})", fmt::join(expected, ", "), meaning));
}

void check_keypoints(const ModelInfo& info, const OutputTensor& tensor) {
  if (tensor.rank < 2 || tensor.shape[1] == info.keypoints.size()) return;
  fail(info, fmt::format("K = {} keypoints (output of shape {})", tensor.shape[1], shape_text(tensor)),
       fmt::format("K = {}, those of keypoint set \"{}\"", info.keypoints.size(), info.keypoints.name));
}

void check_heatmaps(const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  check_count(info, output, 1, 1);
  check_keypoints(info, output.tensors[0]);
  const std::size_t expected[] = {batch, info.keypoints.size(), static_cast<std::size_t>(info.output.height),
                                  static_cast<std::size_t>(info.output.width)};
  check_shape(info, output.tensors[0], expected, "B, K, output.height, output.width");
}

void check_simcc(const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  check_count(info, output, 2, 2);
  const int lengths[] = {info.input.width, info.input.height};
  for (std::size_t i = 0; i < 2; ++i) {
    check_keypoints(info, output.tensors[i]);
    const std::size_t expected[] = {batch, info.keypoints.size(),
                                    static_cast<std::size_t>(std::lround(lengths[i] * info.output.split_ratio))};
    check_shape(info, output.tensors[i], expected, i == 0 ? "B, K, input.width x split_ratio" : "B, K, input.height x split_ratio");
  }
}

void check_regression(const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  check_count(info, output, 1, 1);
  check_keypoints(info, output.tensors[0]);
  const std::size_t values = output.tensors[0].rank == 3 && output.tensors[0].shape[2] == 2 ? 2 : 3;
  const std::size_t expected[] = {batch, info.keypoints.size(), values};
  check_shape(info, output.tensors[0], expected, "B, K, 2 or 3");
}

void check_detections(const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  check_count(info, output, 2, 3);
  const std::size_t candidates = output.tensors[0].rank == 3 ? output.tensors[0].shape[1] : 0;
  const std::size_t boxes[] = {batch, candidates, 4};
  const std::size_t values[] = {batch, candidates};
  check_shape(info, output.tensors[0], boxes, "boxes: B, N, 4");
  check_shape(info, output.tensors[1], values, "scores: B, N");
  if (output.tensors.size() > 2) check_shape(info, output.tensors[2], values, "labels: B, N");
}

}  // namespace

void check_output(const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  switch (info.output.codec) {
    case Codec::udp_heatmap:
    case Codec::heatmap: return check_heatmaps(info, output, batch);
    case Codec::simcc: return check_simcc(info, output, batch);
    case Codec::regression: return check_regression(info, output, batch);
    case Codec::boxes_scores: return check_detections(info, output, batch);
  }
}

}  // namespace posekit::inline v0
