/// Holds a model's output against its metadata.
#include "codec/output_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <string>

#include "codec/codecs.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

std::string shape_text(const OutputTensor& tensor) {
  return fmt::format("[{}]", fmt::join(std::span(tensor.shape).first(tensor.rank), ", "));
}

[[noreturn]] void fail(const ModelInfo& info, const std::string& found, const std::string& expected) {
  throw Error(
      ErrorCode::invalid_model,
      fmt::format("model \"{}\" gives {}, its metadata says {}: correct the metadata or use another model", info.name, found, expected));
}

}  // namespace

void expect_tensors(const ModelInfo& info, const ModelOutput& output, std::size_t least, std::size_t most) {
  if (output.tensors.size() >= least && output.tensors.size() <= most) return;
  const std::string expected = least == most ? fmt::format("{}", least) : fmt::format("{} or {}", least, most);
  fail(info, fmt::format("{} tensors", output.tensors.size()),
       fmt::format("{} for codec \"{}\"", expected, to_string(codec_of(info.output))));
}

void expect_shape(const ModelInfo& info, const OutputTensor& tensor, std::span<const std::size_t> expected, std::string_view meaning) {
  bool equal = tensor.rank == expected.size();
  for (std::size_t i = 0; equal && i < expected.size(); ++i) equal = tensor.shape[i] == expected[i];
  if (!equal) fail(info, "an output of shape " + shape_text(tensor), fmt::format("[{}] ({})", fmt::join(expected, ", "), meaning));
}

void expect_keypoints(const ModelInfo& info, const OutputTensor& tensor) {
  const KeypointSet& keypoints = info.pose().keypoints;
  if (tensor.rank < 2 || tensor.shape[1] == keypoints.size()) return;
  fail(info, fmt::format("K = {} keypoints (output of shape {})", tensor.shape[1], shape_text(tensor)),
       fmt::format("K = {}, those of keypoint set \"{}\"", keypoints.size(), keypoints.name));
}

void check_output(const ModelInfo& info, const ModelOutput& output, std::size_t batch) {
  std::visit([&](const auto& kind) { check_codec(kind, info, output, batch); }, info.output);
}

}  // namespace posekit::inline v0
