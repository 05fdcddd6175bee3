/// Golden decodes of heatmaps by the backend's reduction, as a device does it.
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "codec/decode.h"
#include "golden/decode_case.h"
#include "support/test_device.h"
#include "support/torch_internals.h"

using namespace posekit;
using posekit_test::HeatmapLayout;

TEST_CASE("Golden: heatmaps reduced by the backend decode to the reference's points and scores") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const auto document = posekit_test::golden_cases("decode");
  std::size_t checked = 0;
  for (const HeatmapLayout layout : {HeatmapLayout::contiguous, HeatmapLayout::channels_last}) {
    for (const auto& json : document["cases"]) {
      if (json["optional"] == true || json["codec"] == "simcc") continue;
      posekit_test::DecodeCase golden = posekit_test::read_case(json, document["columns"]);
      const std::size_t channels = golden.expected.channels();
      golden.info.pose().keypoints.keypoints.resize(channels);
      const Decoder decoder(golden.info, make_decode_request(golden.info, posekit_test::all_channels(channels), /*flip_test=*/false));
      const auto records = posekit_test::torch_peaks(posekit_test::test_device(), golden.info, decoder.request(),
                                                     {.values = golden.memory[0], .layout = layout});
      for (std::size_t k = 0; k < channels; ++k) {
        INFO(json["name"] << ", channel " << k << " (" << json["kinds"][k] << ")");
        posekit_test::check_point(golden, decoder, k, decoder.refine_cell(records[k]));
        ++checked;
      }
    }
  }
  CHECK(checked > 500);
}
