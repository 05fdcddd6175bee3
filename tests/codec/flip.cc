/// The flip test's averaging for the codecs that golden data do not cover, and for wanted channels alone.
#include "codec/flip.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <vector>

using namespace posekit;
using Catch::Approx;

namespace {

ModelInfo three_points(const OutputInfo& output) {
  ModelInfo info;
  info.input.width = 10;
  info.output = output;
  info.pose().keypoints.keypoints = {{"nose", 0}, {"left_eye", 2}, {"right_eye", 1}};
  return info;
}

}  // namespace

TEST_CASE("simcc: x bins are reversed, y bins are not, partners change places") {
  const std::vector<float> x{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<float> y{10, 20, 30, 40, 50, 60};
  const auto output = [&] {
    return ModelOutput{{{.data = x.data(), .shape = {1, 3, 3}, .rank = 3}, {.data = y.data(), .shape = {1, 3, 2}, .rank = 3}}, nullptr};
  };
  const std::vector<std::size_t> channels{0, 1, 2};
  const ModelOutput mean = average_flipped(three_points(SimccOutput{}), output(), output(), channels);
  CHECK(std::vector<float>(mean.tensors[0].data, mean.tensors[0].data + 9) ==
        std::vector<float>{2, 2, 2, 6.5F, 6.5F, 6.5F, 6.5F, 6.5F, 6.5F});
  CHECK(std::vector<float>(mean.tensors[1].data, mean.tensors[1].data + 6) == std::vector<float>{10, 20, 40, 50, 40, 50});
}

TEST_CASE("regression: x becomes 1 - x - 1/W in units of the width, in pixels and in 0..1") {
  ModelInfo info = three_points(RegressionOutput{});
  const std::vector<std::size_t> channels{1};
  const std::vector<float> plain{0, 0, 0, 4, 5, 0.5F, 0, 0, 0};
  const std::vector<float> mirrored{0, 0, 0, 0, 0, 0, 3, 7, 0.7F};  // the partner of channel 1 is channel 2
  const auto tensor = [](const std::vector<float>& values) {
    return ModelOutput{{{.data = values.data(), .shape = {1, 3, 3}, .rank = 3}}, nullptr};
  };
  const ModelOutput pixels = average_flipped(info, tensor(plain), tensor(mirrored), channels);
  CHECK(pixels.tensors[0].data[3] == Approx((4 + (10 - 3 - 1)) / 2.0));
  CHECK(pixels.tensors[0].data[4] == Approx(6));
  CHECK(pixels.tensors[0].data[5] == Approx(0.6));
  info.output = RegressionOutput{.normalized = true};
  const std::vector<float> share{0, 0, 0, 0.4F, 0.5F, 1, 0, 0, 0};
  const std::vector<float> share_mirrored{0, 0, 0, 0, 0, 0, 0.3F, 0.7F, 1};
  const ModelOutput normalized = average_flipped(info, tensor(share), tensor(share_mirrored), channels);
  CHECK(normalized.tensors[0].data[3] == Approx((0.4 + 0.6) / 2));
}

TEST_CASE("Averaging reads only the wanted channels") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> plain{1, 2, nan, nan, nan, nan};
  const ModelOutput output{{{.data = plain.data(), .shape = {1, 3, 1, 2}, .rank = 4}}, nullptr};
  const std::vector<std::size_t> nose{0};
  HeatmapOutput heatmap{.size = {2, 1}, .udp = false};
  ModelInfo info = three_points(heatmap);
  const ModelOutput mean = average_flipped(info, output, output, nose);
  CHECK(mean.tensors[0].data[0] == 1.5F);
  CHECK(mean.tensors[0].data[1] == 1.5F);
  heatmap.flip_shift = true;
  info.output = heatmap;  // mirrored back {2, 1}, moved right by one, column 0 keeps its value: {2, 2}
  const ModelOutput shifted = average_flipped(info, output, output, nose);
  CHECK(shifted.tensors[0].data[0] == 1.5F);
  CHECK(shifted.tensors[0].data[1] == 2.0F);
}
