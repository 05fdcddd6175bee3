/// The backend's warp against the CPU's: formats, strides, borders, places outside; on the CPU and, in the program of the label gpu, on a
/// CUDA device.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <random>
#include <vector>

#include "preprocess/warp.h"
#include "support/grey_levels.h"
#include "support/test_device.h"
#include "support/torch_internals.h"

using namespace posekit;

namespace {

/// Noise in any format, with rows that have a gap behind them.
struct Noise {
  std::vector<std::uint8_t> bytes;
  ImageView view;

  Noise(int width, int height, PixelFormat format, std::size_t gap) {
    std::minstd_rand random(11);
    const std::size_t stride = static_cast<std::size_t>(width) * static_cast<std::size_t>(channels(format)) + gap;
    bytes.resize(stride * static_cast<std::size_t>(height));
    for (std::uint8_t& value : bytes) value = static_cast<std::uint8_t>(random() >> 8);
    view = {bytes.data(), width, height, stride, format};
  }
};

WarpPlan plan_of(const Box& box, Size size, Alignment alignment = Alignment::udp) {
  WarpPlan plan;
  plan.transform = crop_transform(crop_region(box, size, 1.25), size, alignment);
  plan.size = size;
  return plan;
}

/// How many grey levels the two warps are apart at most.
int farthest(const ImageView& image, const WarpPlan& plan) {
  WarpScratch scratch;
  std::vector<std::uint8_t> expected(static_cast<std::size_t>(plan.size.width * plan.size.height * 3));
  warp_rows(image, plan, 0, plan.size.height, expected.data(), scratch);
  const auto found = posekit_test::torch_crop(posekit_test::test_device(), {image, plan});
  REQUIRE(found.size() == expected.size());
  return posekit_test::grey_levels_apart(found, expected.data());
}

}  // namespace

TEST_CASE("The backend's crop is the warp's for every pixel format and colour order, rows with and without gaps") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const PixelFormat format = GENERATE(PixelFormat::bgr8, PixelFormat::rgb8, PixelFormat::gray8, PixelFormat::bgra8, PixelFormat::rgba8);
  const Noise noise(61, 47, format, GENERATE(std::size_t{0}, std::size_t{13}));
  WarpPlan plan = plan_of({5, -9, 58, 40}, GENERATE(Size{24, 32}, Size{96, 128}));
  plan.color = GENERATE(ColorOrder::rgb, ColorOrder::bgr);
  plan.enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
  CHECK(farthest(noise.view, plan) <= 1);
}

TEST_CASE("The backend's crop is the warp's for random boxes, inside and outside") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const Interpolation enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
  const Noise noise(61, 47, PixelFormat::rgb8, 5);
  std::mt19937 random(3);
  std::uniform_real_distribution<double> place(-80, 140);
  std::uniform_real_distribution<double> side(0.5, 120);
  for (int i = 0; i < 100; ++i) {
    const double x = place(random);
    const double y = place(random);
    const Box box{x, y, x + side(random), y + side(random)};
    WarpPlan plan = plan_of(box, {33, 44}, i % 2 == 0 ? Alignment::udp : Alignment::classic);
    plan.border = static_cast<std::uint8_t>(i);
    plan.enlarge = enlarge;
    INFO(x << " " << y << " " << box.x2 << " " << box.y2);
    CHECK(farthest(noise.view, plan) <= 1);
  }
}

TEST_CASE("The backend's crop is the border's grey for boxes far outside and of any size") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const Noise noise(20, 20, PixelFormat::bgr8, 0);
  for (const Box& box : {Box{1e9, 1e9, 1e9 + 10, 1e9 + 10}, Box{-1e15, 0, -1e15 + 1000, 10}, Box{1e200, 1e200, 2e200, 2e200},
                         Box{1e15, 1e15, 1e15 + 10, 1e15 + 10}, Box{-5e9, 3, -5e9 + 10, 12}}) {
    WarpPlan plan = plan_of(box, {16, 16});
    plan.enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
    plan.border = 37;
    const auto crop = posekit_test::torch_crop(posekit_test::test_device(), {noise.view, plan});
    CHECK(std::ranges::all_of(crop, [](std::uint8_t value) { return value == 37; }));
  }
}

TEST_CASE("The backend crops images of one pixel, one row and one column") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const Size size = GENERATE(Size{1, 1}, Size{9, 1}, Size{1, 9});
  const Noise noise(size.width, size.height, GENERATE(PixelFormat::gray8, PixelFormat::rgb8, PixelFormat::bgra8), 3);
  WarpPlan plan = plan_of({-1, -1, 4.5, 3}, {12, 16});
  plan.border = 100;
  plan.enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
  CHECK(farthest(noise.view, plan) <= 1);
}

TEST_CASE("The backend rounds half a level up") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const std::vector<std::uint8_t> gray{10, 11, 255, 255};
  WarpPlan plan;
  plan.size = {2, 1};
  plan.transform = {.scale_x = 0.5, .offset_x = -0.25, .scale_y = 1, .offset_y = 0};  // columns at 0.5 and 2.5
  const auto crop = posekit_test::torch_crop(posekit_test::test_device(), {{gray.data(), 4, 1, 4, PixelFormat::gray8}, plan});
  CHECK(crop == std::vector<std::uint8_t>{11, 11, 11, 255, 255, 255});
}
