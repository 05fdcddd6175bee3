/// A golden case of heatmaps or SimCC vectors, and how a point is held against it.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "codec/decode.h"
#include "golden/cases.h"
#include "support/npy.h"

namespace posekit_test {

using namespace posekit;

inline constexpr double cells = 1e-3;
inline constexpr double relative_score = 1e-6;
inline constexpr double ambiguous_reach = 2.1;  // cells around the argmax

struct Expected {
  posekit_test::NpyArray table;
  std::map<std::string, std::size_t> columns;

  double operator()(std::size_t channel, const std::string& column) const {
    return table.values[channel * columns.size() + columns.at(column)];
  }
  std::size_t channels() const { return table.shape[0]; }
};

/// Its arrays, as a model would give them, and the reference's answer.
struct DecodeCase {
  std::vector<std::vector<float>> memory;
  ModelOutput output;
  ModelInfo info;
  Expected expected;

  /// Null for SimCC.
  [[nodiscard]] const HeatmapOutput* heatmap() const { return std::get_if<HeatmapOutput>(&info.output); }
};

inline const std::map<std::string, Refinement> refinements{
    {"dark", Refinement::dark}, {"quarter", Refinement::quarter}, {"none", Refinement::none}};

inline void add_tensor(DecodeCase& golden, const std::string& file) {
  const auto array = posekit_test::read_npy(posekit_test::golden_dir() / "decode" / file);
  golden.memory.push_back(posekit_test::to_floats(array));
  OutputTensor tensor{.data = golden.memory.back().data(), .shape = {1}, .rank = array.shape.size() + 1};
  for (std::size_t i = 0; i < array.shape.size(); ++i) tensor.shape[i + 1] = array.shape[i];
  golden.output.tensors.push_back(tensor);
}

inline DecodeCase read_case(const nlohmann::json& json, const nlohmann::json& columns) {
  DecodeCase golden;
  golden.info.input.width = json["input_width"];
  golden.info.input.height = json["input_height"];
  golden.info.pose().alignment = json["alignment"] == "udp" ? Alignment::udp : Alignment::classic;
  if (json["codec"] == "simcc") {
    golden.info.output = SimccOutput{.split_ratio = json["split_ratio"]};
    golden.memory.reserve(2);
    add_tensor(golden, json["simcc_x"]);
    add_tensor(golden, json["simcc_y"]);
  } else {
    add_tensor(golden, json["heatmaps"]);
    const auto& shape = golden.output.tensors[0].shape;
    HeatmapOutput heatmap{.size = {static_cast<int>(shape[3]), static_cast<int>(shape[2])}, .udp = json["codec"] == "udp_heatmap"};
    heatmap.refinement = refinements.at(json["refinement"]);
    if (json["blur_kernel"].is_number()) heatmap.blur_kernel = json["blur_kernel"];
    golden.info.output = heatmap;
  }
  golden.expected.table = posekit_test::read_npy(posekit_test::golden_dir() / "decode" / json["expected"].get<std::string>());
  for (std::size_t i = 0; i < columns.size(); ++i) golden.expected.columns[columns[i]] = i;
  return golden;
}

inline std::vector<std::size_t> all_channels(std::size_t count) {
  std::vector<std::size_t> channels;
  for (std::size_t i = 0; i < count; ++i) channels.push_back(i);
  return channels;
}

/// Holds a channel's decoded point against the golden one.
inline void check_point(const DecodeCase& golden, const Decoder& decoder, std::size_t k, const CellPoint& cell) {
  const Point input = decoder.to_input(cell);
  REQUIRE(std::isfinite(cell.x));
  REQUIRE(std::isfinite(cell.y));
  REQUIRE(std::isfinite(cell.score));
  const Expected& expected = golden.expected;
  if (expected(k, "ambiguous") == 1) {
    if (expected(k, "non_finite") == 1 || golden.heatmap() == nullptr) return;
    CHECK(std::hypot(cell.x - expected(k, "argmax_x"), cell.y - expected(k, "argmax_y")) <= ambiguous_reach);
    return;
  }
  if (std::isnan(expected(k, "cell_x")) || (expected(k, "non_finite") == 1 && expected(k, "score") == 0)) {
    CHECK_FALSE(cell.usable);  // the box centre
    CHECK(cell.score == 0);
    return;
  }
  CHECK(cell.usable);
  CHECK(std::abs(cell.x - expected(k, "cell_x")) <= cells);
  CHECK(std::abs(cell.y - expected(k, "cell_y")) <= cells);
  CHECK(std::abs(static_cast<double>(cell.score) - expected(k, "score")) <= relative_score * std::abs(expected(k, "score")));
  const double scale = golden.heatmap() == nullptr ? 1 : static_cast<double>(golden.info.input.width) / golden.heatmap()->size.width;
  CHECK(std::abs(input.x - expected(k, "input_x")) <= cells * scale * 1.1);
  CHECK(std::abs(input.y - expected(k, "input_y")) <= cells * scale * 1.1);
}

}  // namespace posekit_test
