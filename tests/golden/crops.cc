/// Golden crops: box → region → transform → pixels, for the library and for the float64 reference.
#include <algorithm>
#include <array>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "golden/crop_case.h"
#include "posekit/error.h"
#include "preprocess/warp.h"
#include "support/npy.h"
#include "support/reference.h"

using namespace posekit;
using posekit_test::CropCase;
using posekit_test::golden_cases;
using posekit_test::read_bgr;
namespace reference = posekit_test::reference;

namespace {

constexpr double relative = 1e-9;

/// Relative to the largest number of the kind: what cancels near 0 is no error.
void check_close(double found, double expected, double magnitude) {
  CHECK(std::abs(found - expected) <= relative * std::max(1.0, magnitude));
}

struct Difference {
  int largest = 0;
  double equal_share = 0;
};

/// Where the exact value lies half-way between two levels either is right: which one a formula gives follows from the order of its
/// operations. (In gradients this is one pixel in thirty.)
bool is_tie(double exact) { return std::abs(exact - std::floor(exact) - 0.5) < 1e-4; }

Difference difference(const std::uint8_t* found, const cv::Mat& expected, const std::vector<double>& exact) {
  Difference result;
  const std::size_t count = expected.total() * 3;
  std::size_t equal = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const int off = std::abs(found[i] - expected.data[i]);
    result.largest = std::max(result.largest, off);
    equal += off == 0 || is_tie(exact[i]) ? 1 : 0;
  }
  result.equal_share = static_cast<double>(equal) / static_cast<double>(count);
  return result;
}

std::vector<double> exact_crop(const CropCase& golden, const cv::Mat& image) {
  const auto transform = reference::crop_transform({golden.box.x1, golden.box.y1, golden.box.x2, golden.box.y2}, golden.size.width,
                                                   golden.size.height, golden.padding, golden.alignment == Alignment::udp);
  const bool cubic = golden.enlarge == Interpolation::bicubic && transform.scale_x >= 1 && transform.scale_y >= 1;
  const auto crop = cubic ? reference::cubic_crop : reference::crop;
  return crop({image.cols, image.rows, image.data}, transform, golden.size.width, golden.size.height);
}

}  // namespace

TEST_CASE("Golden: centre, size and matrix of every crop are right to 1e-9") {
  const std::string folder = GENERATE(from_range(posekit_test::crop_folders));
  const auto document = golden_cases(folder);
  for (const auto& json : document["cases"]) {
    const CropCase golden(json);
    INFO(golden.entry["name"]);
    const CropRegion region = crop_region(golden.box, golden.size, golden.padding);
    const CropTransform transform = crop_transform(region, golden.size, golden.alignment);
    const double x = json["centre"][0];
    const double y = json["centre"][1];
    check_close(region.centre.x, x, std::abs(x));
    check_close(region.centre.y, y, std::abs(y));
    check_close(region.size.x, json["scale"][0], json["scale"][0]);
    check_close(region.size.y, json["scale"][1], json["scale"][1]);
    const auto matrix = json["matrix"].get<std::vector<double>>();
    check_close(transform.scale_x, matrix[0], std::abs(matrix[0]));
    check_close(transform.offset_x, matrix[2], std::abs(matrix[2]));
    check_close(transform.scale_y, matrix[4], std::abs(matrix[4]));
    check_close(transform.offset_y, matrix[5], std::abs(matrix[5]));
    const Point there{17.25, -3.5};
    const Point back = transform.inverse(transform.apply(there));
    CHECK(back.x == Catch::Approx(there.x).epsilon(1e-9).margin(1e-6));
    CHECK(back.y == Catch::Approx(there.y).epsilon(1e-9).margin(1e-6));
  }
}

TEST_CASE("Golden: every crop's pixels are within one grey level, and 99 in 100 equal, ties aside") {
  WarpScratch scratch;
  const std::string folder = GENERATE(from_range(posekit_test::crop_folders));
  const auto document = golden_cases(folder);
  for (const auto& json : document["cases"]) {
    const CropCase golden(json);
    INFO(golden.entry["name"]);
    const cv::Mat image = read_bgr(folder, json["image"]);
    const cv::Mat expected = read_bgr(folder, json["expected"]);
    const ImageView view{image.data, image.cols, image.rows, image.step[0], PixelFormat::bgr8};
    const WarpPlan plan = golden.plan();
    std::vector<std::uint8_t> crop(expected.total() * 3);
    warp_rows(view, plan, 0, golden.size.height, crop.data(), scratch);
    const Difference result = difference(crop.data(), expected, exact_crop(golden, image));
    CHECK(result.largest <= 1);
    CHECK(result.equal_share >= 0.99);
  }
}

TEST_CASE("Golden: the float64 reference gives every crop, rounded and not") {
  const std::string folder = GENERATE(from_range(posekit_test::crop_folders));
  const auto document = golden_cases(folder);
  for (const auto& json : document["cases"]) {
    const CropCase golden(json);
    INFO(golden.entry["name"]);
    const cv::Mat image = read_bgr(folder, json["image"]);
    const cv::Mat expected = read_bgr(folder, json["expected"]);
    const auto crop = exact_crop(golden, image);
    std::vector<std::uint8_t> rounded;
    for (const double value : crop) rounded.push_back(static_cast<std::uint8_t>(value + 0.5));
    const Difference result = difference(rounded.data(), expected, crop);
    CHECK(result.largest <= 1);
    CHECK(result.equal_share >= 0.99);
    if (!json.contains("expected_f32") || json["expected_f32"].is_null()) continue;
    const auto exact = posekit_test::read_npy(posekit_test::golden_dir() / folder / json["expected_f32"].get<std::string>());
    REQUIRE(exact.values.size() == crop.size());
    double largest = 0;
    for (std::size_t i = 0; i < crop.size(); ++i) largest = std::max(largest, std::abs(crop[i] - exact.values[i]));
    CHECK(largest <= 0.01);
  }
}

TEST_CASE("Golden: a normalised crop without mean and deviation is within half a level of the exact values") {
  WarpScratch scratch;
  const std::string folder = GENERATE(from_range(posekit_test::crop_folders));
  const auto document = golden_cases(folder);
  for (const auto& json : document["cases"]) {
    if (!json.contains("expected_f32") || json["expected_f32"].is_null()) continue;
    const CropCase golden(json);
    INFO(golden.entry["name"]);
    const cv::Mat image = read_bgr(folder, json["image"]);
    const auto exact = posekit_test::read_npy(posekit_test::golden_dir() / folder / json["expected_f32"].get<std::string>());
    const WarpPlan plan = golden.plan();
    std::vector<float> crop(exact.values.size());
    warp_rows_normalized({image.data, image.cols, image.rows, image.step[0], PixelFormat::bgr8}, plan, {0, 0, 0}, {1, 1, 1}, 0,
                         golden.size.height, crop.data(), scratch);
    const std::size_t plane = crop.size() / 3;
    double largest = 0;
    for (std::size_t i = 0; i < crop.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(crop[i]) - exact.values[(i % plane) * 3 + i / plane]));
    }
    CHECK(largest <= 0.501);
  }
}

TEST_CASE("Golden: every invalid box is refused") {
  const auto document = golden_cases("crops");
  for (const auto& json : document["invalid"]["boxes"]) {
    INFO(json["name"]);
    std::array<double, 4> corners{};
    for (std::size_t i = 0; i < 4; ++i) {
      const auto& value = json["box"][i];
      corners[i] = value.is_null() ? std::nan("") : value.is_string() ? HUGE_VAL : value.get<double>();
    }
    const Box box{corners[0], corners[1], corners[2], corners[3]};
    CHECK_FALSE(is_valid(box));
    CHECK_THROWS_AS(crop_region(box, {192, 256}, 1.25), Error);
  }
}
