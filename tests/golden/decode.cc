/// Golden decodes: heatmaps and SimCC vectors → points, for the library and for the float64 reference.
#include "codec/decode.h"

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "golden/cases.h"
#include "support/npy.h"
#include "support/reference.h"

using namespace posekit;
using posekit_test::golden_cases;
namespace reference = posekit_test::reference;

namespace {

constexpr double cells = 1e-3;
constexpr double relative_score = 1e-6;
constexpr double ambiguous_reach = 2.1;  // cells around the argmax

struct Expected {
  posekit_test::NpyArray table;
  std::map<std::string, std::size_t> columns;

  double operator()(std::size_t channel, const std::string& column) const {
    return table.values[channel * columns.size() + columns.at(column)];
  }
  std::size_t channels() const { return table.shape[0]; }
};

struct Case {
  std::vector<std::vector<float>> memory;
  ModelOutput output;
  ModelInfo info;
  Expected expected;
};

const std::map<std::string, Codec> codecs{{"udp_heatmap", Codec::udp_heatmap}, {"heatmap", Codec::heatmap}, {"simcc", Codec::simcc}};
const std::map<std::string, Refinement> refinements{
    {"dark", Refinement::dark}, {"quarter", Refinement::quarter}, {"none", Refinement::none}};

void add_tensor(Case& golden, const std::string& file) {
  const auto array = posekit_test::read_npy(posekit_test::golden_dir() / "decode" / file);
  golden.memory.push_back(posekit_test::to_floats(array));
  OutputTensor tensor{.data = golden.memory.back().data(), .shape = {1}, .rank = array.shape.size() + 1};
  for (std::size_t i = 0; i < array.shape.size(); ++i) tensor.shape[i + 1] = array.shape[i];
  golden.output.tensors.push_back(tensor);
}

Case read_case(const nlohmann::json& json, const nlohmann::json& columns) {
  Case golden;
  golden.info.input.width = json["input_width"];
  golden.info.input.height = json["input_height"];
  golden.info.output.codec = codecs.at(json["codec"]);
  golden.info.output.refinement = refinements.at(json["refinement"]);
  golden.info.alignment = json["alignment"] == "udp" ? Alignment::udp : Alignment::classic;
  if (json["blur_kernel"].is_number()) golden.info.output.blur_kernel = json["blur_kernel"];
  if (golden.info.output.codec == Codec::simcc) {
    golden.info.output.split_ratio = json["split_ratio"];
    golden.memory.reserve(2);
    add_tensor(golden, json["simcc_x"]);
    add_tensor(golden, json["simcc_y"]);
  } else {
    add_tensor(golden, json["heatmaps"]);
    golden.info.output.height = static_cast<int>(golden.output.tensors[0].shape[2]);
    golden.info.output.width = static_cast<int>(golden.output.tensors[0].shape[3]);
  }
  golden.expected.table = posekit_test::read_npy(posekit_test::golden_dir() / "decode" / json["expected"].get<std::string>());
  for (std::size_t i = 0; i < columns.size(); ++i) golden.expected.columns[columns[i]] = i;
  return golden;
}

std::vector<std::size_t> all_channels(std::size_t count) {
  std::vector<std::size_t> channels;
  for (std::size_t i = 0; i < count; ++i) channels.push_back(i);
  return channels;
}

void check_channel(const Case& golden, const Decoder& decoder, std::size_t k) {
  DecodeScratch scratch;
  const CellPoint cell = decoder.decode_cell(golden.output, 0, k, scratch);
  const Point input = decoder.to_input(cell);
  REQUIRE(std::isfinite(cell.x));
  REQUIRE(std::isfinite(cell.y));
  REQUIRE(std::isfinite(cell.score));
  const Expected& expected = golden.expected;
  if (expected(k, "ambiguous") == 1) {
    if (expected(k, "non_finite") == 1 || golden.info.output.codec == Codec::simcc) return;
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
  const double scale =
      golden.info.output.codec == Codec::simcc ? 1 : static_cast<double>(golden.info.input.width) / golden.info.output.width;
  CHECK(std::abs(input.x - expected(k, "input_x")) <= cells * scale * 1.1);
  CHECK(std::abs(input.y - expected(k, "input_y")) <= cells * scale * 1.1);
}

}  // namespace

TEST_CASE("Golden: every channel decodes to the reference's point and score") {
  const auto document = golden_cases("decode");
  std::size_t checked = 0;
  for (const auto& json : document["cases"]) {
    if (json["optional"] == true) continue;
    const Case golden = read_case(json, document["columns"]);
    const Decoder decoder(golden.info, all_channels(golden.expected.channels()));
    for (std::size_t k = 0; k < golden.expected.channels(); ++k) {
      INFO(json["name"] << ", channel " << k << " (" << json["kinds"][k] << ")");
      check_channel(golden, decoder, k);
      ++checked;
    }
  }
  CHECK(checked > 0);
}

TEST_CASE("Golden: the float64 reference decodes every well-posed finite DARK channel") {
  const auto document = golden_cases("decode");
  std::size_t checked = 0;
  for (const auto& json : document["cases"]) {
    if (json["optional"] == true || json["refinement"] != "dark" || json["codec"] == "simcc") continue;
    const Case golden = read_case(json, document["columns"]);
    const std::size_t size = static_cast<std::size_t>(golden.info.output.width) * static_cast<std::size_t>(golden.info.output.height);
    for (std::size_t k = 0; k < golden.expected.channels(); ++k) {
      if (golden.expected(k, "ambiguous") == 1 || golden.expected(k, "non_finite") == 1) continue;
      INFO(json["name"] << ", channel " << k << " (" << json["kinds"][k] << ")");
      const auto cell = reference::dark({golden.memory[0].data() + k * size, size}, golden.info.output.width, golden.info.output.height,
                                        golden.info.output.blur_kernel);
      CHECK(std::abs(cell.x - golden.expected(k, "cell_x")) <= cells);
      CHECK(std::abs(cell.y - golden.expected(k, "cell_y")) <= cells);
      CHECK(cell.refined == (golden.expected(k, "well_posed") == 1));
      ++checked;
    }
  }
  CHECK(checked > 0);
}
