/// Golden crops by the backend's warp, as a device does it.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <string>
#include <vector>

#include "golden/crop_case.h"
#include "support/grey_levels.h"
#include "support/test_device.h"
#include "support/torch_internals.h"

using namespace posekit;

TEST_CASE("Golden: the backend's crops are within one grey level of the reference and of the CPU's warp") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const std::string folder = GENERATE(from_range(posekit_test::crop_folders));
  const auto document = posekit_test::golden_cases(folder);
  WarpScratch scratch;
  std::size_t checked = 0;
  for (const auto& json : document["cases"]) {
    const posekit_test::CropCase golden(json);
    INFO(golden.entry["name"]);
    const cv::Mat image = posekit_test::read_bgr(folder, json["image"]);
    const cv::Mat expected = posekit_test::read_bgr(folder, json["expected"]);
    const CropTask task{{image.data, image.cols, image.rows, image.step[0], PixelFormat::bgr8}, golden.plan()};
    const auto crop = posekit_test::torch_crop(posekit_test::test_device(), task);
    REQUIRE(crop.size() == expected.total() * 3);
    CHECK(posekit_test::grey_levels_apart(crop, expected.data) <= 1);
    std::vector<std::uint8_t> by_warp(crop.size());
    warp_rows(task.image, task.plan, 0, golden.size.height, by_warp.data(), scratch);
    CHECK(posekit_test::grey_levels_apart(crop, by_warp.data()) <= 1);
    ++checked;
  }
  CHECK(checked > 10);
}
