/// A model's output is held against its metadata, and both are named where they differ.
#include "codec/output_check.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "support/message_form.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;

namespace {

using Shape = std::vector<std::size_t>;

OutputInfo output_of(Codec codec) {
  switch (codec) {
    case Codec::udp_heatmap: return HeatmapOutput{.size = {48, 64}};
    case Codec::heatmap: return HeatmapOutput{.size = {48, 64}, .udp = false};
    case Codec::simcc: return SimccOutput{};
    case Codec::regression: return RegressionOutput{};
    case Codec::boxes_scores: break;
  }
  return BoxesOutput{};
}

ModelInfo info_of(Codec codec) {
  ModelInfo info;
  info.name = "m";
  info.input.width = 192;
  info.input.height = 256;
  info.output = output_of(codec);
  if (codec == Codec::boxes_scores) {
    info.purpose = DetectInfo{};
  } else {
    info.pose().keypoints = builtin_keypoint_set("coco17");
  }
  return info;
}

std::string verdict(Codec codec, const std::vector<Shape>& shapes, std::size_t batch = 2) {
  ModelOutput output;
  for (const Shape& shape : shapes) {
    OutputTensor tensor{.data = nullptr, .shape = {}, .rank = shape.size()};
    for (std::size_t i = 0; i < shape.size(); ++i) tensor.shape[i] = shape[i];
    output.tensors.push_back(tensor);
  }
  try {
    check_output(info_of(codec), output, batch);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_model);
    posekit_test::check_message_form(error.what(), "model \"m\"", "gives");
    return error.what();
  }
  return "ok";
}

}  // namespace

TEST_CASE("Outputs that agree with the metadata pass") {
  CHECK(verdict(Codec::udp_heatmap, {{2, 17, 64, 48}}) == "ok");
  CHECK(verdict(Codec::heatmap, {{1, 17, 64, 48}}, 1) == "ok");
  CHECK(verdict(Codec::simcc, {{2, 17, 384}, {2, 17, 512}}) == "ok");
  CHECK(verdict(Codec::regression, {{2, 17, 2}}) == "ok");
  CHECK(verdict(Codec::regression, {{2, 17, 3}}) == "ok");
  CHECK(verdict(Codec::boxes_scores, {{2, 100, 4}, {2, 100}}) == "ok");
  CHECK(verdict(Codec::boxes_scores, {{2, 0, 4}, {2, 0}, {2, 0}}) == "ok");
}

TEST_CASE("Outputs that contradict the metadata are refused with both values") {
  CHECK_THAT(verdict(Codec::udp_heatmap, {{2, 133, 64, 48}}),
             ContainsSubstring("133") && ContainsSubstring("17") && ContainsSubstring("coco17"));
  CHECK_THAT(verdict(Codec::udp_heatmap, {{2, 17, 48, 64}}), ContainsSubstring("[2, 17, 48, 64]") && ContainsSubstring("[2, 17, 64, 48]"));
  CHECK_THAT(verdict(Codec::udp_heatmap, {{1, 17, 64, 48}}), ContainsSubstring("[1, 17, 64, 48]") && ContainsSubstring("[2, 17, 64, 48]"));
  CHECK_THAT(verdict(Codec::udp_heatmap, {{17}}), ContainsSubstring("[17]"));
  CHECK_THAT(verdict(Codec::udp_heatmap, {}), ContainsSubstring("0 tensors") && ContainsSubstring("1 for codec"));
  CHECK_THAT(verdict(Codec::udp_heatmap, {{2, 17, 64, 48}, {2, 17, 64, 48}}), ContainsSubstring("2 tensors"));
  CHECK_THAT(verdict(Codec::simcc, {{2, 17, 384}}), ContainsSubstring("1 tensors") && ContainsSubstring("2 for codec \"simcc\""));
  CHECK_THAT(verdict(Codec::simcc, {{2, 17, 384}, {2, 17, 384}}), ContainsSubstring("384") && ContainsSubstring("512"));
  CHECK_THAT(verdict(Codec::regression, {{2, 17, 4}}), ContainsSubstring("[2, 17, 4]"));
  CHECK_THAT(verdict(Codec::boxes_scores, {{2, 100, 5}, {2, 100}}), ContainsSubstring("[2, 100, 5]") && ContainsSubstring("boxes"));
  CHECK_THAT(verdict(Codec::boxes_scores, {{2, 100, 4}, {2, 99}}), ContainsSubstring("[2, 99]") && ContainsSubstring("scores"));
  CHECK_THAT(verdict(Codec::boxes_scores, {{2, 100, 4}, {2, 100}, {2, 1}}), ContainsSubstring("labels"));
}
