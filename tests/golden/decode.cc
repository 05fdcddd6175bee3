/// Golden decodes: heatmaps and SimCC vectors → points, for the library and for the float64 reference.
#include "codec/decode.h"

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <vector>

#include "golden/decode_case.h"
#include "support/reference.h"

using namespace posekit;
using posekit_test::all_channels;
using posekit_test::cells;
using posekit_test::DecodeCase;
using posekit_test::golden_cases;
using posekit_test::read_case;
namespace reference = posekit_test::reference;

TEST_CASE("Golden: every channel decodes to the reference's point and score") {
  const auto document = golden_cases("decode");
  std::size_t checked = 0;
  for (const auto& json : document["cases"]) {
    if (json["optional"] == true) continue;
    const DecodeCase golden = read_case(json, document["columns"]);
    const Decoder decoder(golden.info, make_decode_request(golden.info, all_channels(golden.expected.channels()), /*flip_test=*/false));
    for (std::size_t k = 0; k < golden.expected.channels(); ++k) {
      INFO(json["name"] << ", channel " << k << " (" << json["kinds"][k] << ")");
      DecodeScratch scratch;
      posekit_test::check_point(golden, decoder, k, decoder.decode_cell(golden.output, 0, k, scratch));
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
    const DecodeCase golden = read_case(json, document["columns"]);
    const std::size_t size =
        static_cast<std::size_t>(golden.heatmap()->size.width) * static_cast<std::size_t>(golden.heatmap()->size.height);
    for (std::size_t k = 0; k < golden.expected.channels(); ++k) {
      if (golden.expected(k, "ambiguous") == 1 || golden.expected(k, "non_finite") == 1) continue;
      INFO(json["name"] << ", channel " << k << " (" << json["kinds"][k] << ")");
      const auto cell = reference::dark({golden.memory[0].data() + k * size, size}, golden.heatmap()->size.width,
                                        golden.heatmap()->size.height, golden.heatmap()->blur_kernel);
      CHECK(std::abs(cell.x - golden.expected(k, "cell_x")) <= cells);
      CHECK(std::abs(cell.y - golden.expected(k, "cell_y")) <= cells);
      CHECK(cell.refined == (golden.expected(k, "well_posed") == 1));
      ++checked;
    }
  }
  CHECK(checked > 0);
}
