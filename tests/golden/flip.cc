/// Golden flip test: mirrored averaging, with and without shift.
#include "codec/flip.h"

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <vector>

#include "golden/cases.h"
#include "support/npy.h"

using namespace posekit;

TEST_CASE("Golden: averaging with the mirrored output gives the reference's maps to 1e-6") {
  const auto document = posekit_test::golden_cases("flip");
  for (const auto& json : document["cases"]) {
    INFO(json["name"]);
    ModelInfo info;
    const bool udp = json["codec"] != "heatmap";
    info.output = HeatmapOutput{.size = {}, .udp = udp, .flip_shift = !udp && json["flip_shift"].get<bool>()};
    for (std::size_t k = 0; k < document["swap"].size(); ++k)
      info.pose().keypoints.keypoints.push_back({"k" + std::to_string(k), document["swap"][k]});

    const auto folder = posekit_test::golden_dir() / "flip";
    const auto plain_array = posekit_test::read_npy(folder / json["plain"].get<std::string>());
    const auto plain = posekit_test::to_floats(plain_array);
    const auto mirrored = posekit_test::to_floats(posekit_test::read_npy(folder / json["mirrored"].get<std::string>()));
    const auto expected = posekit_test::read_npy(folder / json["mean"].get<std::string>());
    OutputTensor tensor{.data = plain.data(), .shape = {1, plain_array.shape[0], plain_array.shape[1], plain_array.shape[2]}, .rank = 4};
    ModelOutput first{{tensor}, nullptr};
    tensor.data = mirrored.data();
    ModelOutput second{{tensor}, nullptr};

    std::vector<std::size_t> channels;
    for (std::size_t k = 0; k < plain_array.shape[0]; ++k) channels.push_back(k);
    const ModelOutput mean = average_flipped(info, first, second, channels);
    double largest = 0;
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(mean.tensors[0].data[i]) - expected.values[i]));
    }
    CHECK(largest <= 1e-6);
  }
}
