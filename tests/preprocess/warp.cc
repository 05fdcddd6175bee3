/// The warp against the float64 reference: formats, bands, borders, normalisation, extreme places.
#include "preprocess/warp.h"

#include <sys/mman.h>

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "posekit/executor.h"
#include "preprocess/staging.h"
#include "support/reference.h"
#include "support/shuffling_executor.h"

using namespace posekit;
namespace reference = posekit_test::reference;

namespace {

Image noise(int width, int height) {
  std::minstd_rand random(7);
  Image image{std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3)), width, height, PixelFormat::bgr8};
  for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(random() >> 8);
  return image;
}

WarpPlan plan_of(const Box& box, Size size, Alignment alignment = Alignment::udp) {
  WarpPlan plan;
  plan.transform = crop_transform(crop_region(box, size, 1.25), size, alignment);
  plan.size = size;
  plan.color = ColorOrder::bgr;
  return plan;
}

std::vector<std::uint8_t> warped(const ImageView& image, const WarpPlan& plan) {
  WarpScratch scratch;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(plan.size.width * plan.size.height * 3));
  warp_rows(image, plan, 0, plan.size.height, out.data(), scratch);
  return out;
}

std::vector<double> exact(const Image& image, const WarpPlan& plan) {
  const CropTransform& t = plan.transform;
  const bool cubic = plan.enlarge == Interpolation::bicubic && t.scale_x >= 1 && t.scale_y >= 1;
  const auto crop = cubic ? reference::cubic_crop : reference::crop;
  return crop({image.width, image.height, image.pixels.data()}, {t.scale_x, t.offset_x, t.scale_y, t.offset_y}, plan.size.width,
              plan.size.height);
}

double largest_difference(const std::vector<std::uint8_t>& found, const std::vector<double>& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) largest = std::max(largest, std::abs(found[i] - expected[i]));
  return largest;
}

}  // namespace

TEST_CASE("Warp is within half a grey level of the exact formula for random boxes, inside and outside") {
  const Interpolation enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
  const Image image = noise(61, 47);
  std::mt19937 random(3);
  std::uniform_real_distribution<double> place(-80, 140);
  std::uniform_real_distribution<double> side(0.5, 120);
  for (int i = 0; i < 200; ++i) {
    const double x = place(random);
    const double y = place(random);
    const Box box{x, y, x + side(random), y + side(random)};
    WarpPlan plan = plan_of(box, {33, 44}, i % 2 == 0 ? Alignment::udp : Alignment::classic);
    plan.enlarge = enlarge;
    INFO(x << " " << y << " " << box.x2 << " " << box.y2);
    CHECK(largest_difference(warped(image.view(), plan), exact(image, plan)) <= 0.501);
  }
}

TEST_CASE("Warp gives black, or the border's grey, for boxes far outside and of any size, without overflow") {
  const Image image = noise(20, 20);
  for (const Box& box : {Box{1e9, 1e9, 1e9 + 10, 1e9 + 10}, Box{-1e15, 0, -1e15 + 1000, 10}, Box{1e200, 1e200, 2e200, 2e200},
                         Box{1e15, 1e15, 1e15 + 10, 1e15 + 10}, Box{-5e9, 3, -5e9 + 10, 12}}) {
    WarpPlan plan = plan_of(box, {16, 16});
    plan.enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
    plan.border = 37;
    const auto crop = warped(image.view(), plan);
    CHECK(std::ranges::all_of(crop, [](std::uint8_t value) { return value == 37; }));
  }
}

TEST_CASE("Warp blends the border's grey at the image's edge") {
  const Image white{std::vector<std::uint8_t>(12, 200), 2, 2, PixelFormat::bgr8};
  WarpPlan plan;
  plan.size = {4, 1};
  plan.transform = {.scale_x = 1, .offset_x = 1.25, .scale_y = 1, .offset_y = 0};  // columns at -1.25, -0.25, 0.75, 1.75
  plan.border = 100;
  const auto crop = warped(white.view(), plan);
  CHECK(crop[0] == 100);
  CHECK(crop[3] == 175);  // 3/4 of 200, 1/4 of 100
  CHECK(crop[6] == 200);
  CHECK(crop[9] == 125);  // 1/4 of 200, 3/4 of 100
}

TEST_CASE("A bicubic crop gives the image's own pixels where it neither moves nor scales it, and the border around it") {
  const Image image = noise(40, 7);
  WarpPlan plan;
  plan.size = {60, 13};
  plan.color = ColorOrder::bgr;
  plan.transform = {.scale_x = 1, .offset_x = 11, .scale_y = 1, .offset_y = 3};
  plan.border = 90;
  plan.enlarge = Interpolation::bicubic;
  const auto crop = warped(image.view(), plan);
  for (int v = 0; v < plan.size.height; ++v) {
    for (int u = 0; u < plan.size.width; ++u) {
      const bool inside = u >= 11 && u < 51 && v >= 3 && v < 10;
      for (int c = 0; c < 3; ++c) {
        CHECK(crop[static_cast<std::size_t>((v * 60 + u) * 3 + c)] ==
              (inside ? image.pixels[static_cast<std::size_t>(((v - 3) * 40 + u - 11) * 3 + c)] : 90));
      }
    }
  }
}

TEST_CASE("A bicubic crop keeps the grey levels' ends beside a hard edge, where its kernel leaves them") {
  std::vector<std::uint8_t> gray(16, 0);
  std::fill_n(gray.begin() + 8, 8, std::uint8_t{255});
  WarpPlan plan;
  plan.size = {64, 1};
  plan.transform = {.scale_x = 4, .offset_x = 0, .scale_y = 1, .offset_y = 0};
  plan.enlarge = Interpolation::bicubic;
  const auto crop = warped({gray.data(), 16, 1, 16, PixelFormat::gray8}, plan);
  const auto at = [&](std::size_t u) { return crop[3 * u]; };
  CHECK(at(28) == 0);    // at 7, the last black one
  CHECK(at(26) == 0);    // at 6.5: -0.09 of 255
  CHECK(at(30) == 128);  // half-way
  CHECK(at(34) == 255);  // at 8.5: 1.09 of 255
}

TEST_CASE("The last pixels of the widest image there can be are cropped, whichever the interpolation") {
  constexpr int width = std::numeric_limits<int>::max();
  const PixelFormat format = GENERATE(PixelFormat::gray8, PixelFormat::rgb8);
  const std::size_t bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(channels(format));
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);  // touched at its end
  REQUIRE(memory != MAP_FAILED);
  auto* pixels = static_cast<std::uint8_t*>(memory);
  std::fill_n(pixels + bytes - 300, 300, std::uint8_t{200});
  WarpPlan plan;
  plan.size = {20, 1};
  plan.transform = {.scale_x = 2, .offset_x = -2 * (width - 8.0), .scale_y = 1, .offset_y = 0};
  plan.border = 10;
  plan.enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
  const auto crop = warped({pixels, width, 1, bytes, format}, plan);
  ::munmap(memory, bytes);
  CHECK(crop[0] == 200);
  CHECK(crop[36] == 200);
  CHECK(crop[57] == 10);
}

TEST_CASE("Where one axis is reduced, a crop is bilinear") {
  const Image image = noise(30, 30);
  WarpPlan plan;
  plan.size = {20, 20};
  plan.transform = {.scale_x = 1.5, .offset_x = 0.3, .scale_y = 0.999, .offset_y = 0.1};
  const auto bilinear = warped(image.view(), plan);
  plan.enlarge = Interpolation::bicubic;
  CHECK(warped(image.view(), plan) == bilinear);
  plan.transform.scale_y = 1.001;
  CHECK(warped(image.view(), plan) != bilinear);
}

TEST_CASE("Warp gives the same crop from every pixel format, rows padded or not") {
  const Image image = noise(50, 40);
  WarpPlan plan = plan_of({5, -5, 45, 38}, GENERATE(Size{24, 32}, Size{96, 128}));
  plan.enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
  const auto expected = warped(image.view(), plan);
  const PixelFormat format = GENERATE(PixelFormat::bgr8, PixelFormat::rgb8, PixelFormat::bgra8, PixelFormat::rgba8);
  const auto pixel = static_cast<std::size_t>(channels(format));
  const std::size_t stride = 50 * pixel + 7;
  std::vector<std::uint8_t> bytes(stride * 40, 99);
  for (std::size_t y = 0; y < 40; ++y) {
    for (std::size_t x = 0; x < 50; ++x) {
      const bool reversed = format == PixelFormat::rgb8 || format == PixelFormat::rgba8;
      for (std::size_t c = 0; c < 3; ++c) bytes[y * stride + x * pixel + c] = image.pixels[(y * 50 + x) * 3 + (reversed ? 2 - c : c)];
    }
  }
  CHECK(warped({bytes.data(), 50, 40, stride, format}, plan) == expected);
}

TEST_CASE("Warp spreads gray to three channels") {
  std::vector<std::uint8_t> gray(std::size_t{30} * 30);
  Image spread{std::vector<std::uint8_t>(std::size_t{30} * 30 * 3), 30, 30, PixelFormat::bgr8};
  for (std::size_t i = 0; i < gray.size(); ++i) {
    gray[i] = static_cast<std::uint8_t>(i * 37);
    std::fill_n(&spread.pixels[3 * i], 3, gray[i]);
  }
  WarpPlan plan = plan_of({2, 3, 25, 28}, {40, 40});
  plan.enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
  CHECK(warped({gray.data(), 30, 30, 30, PixelFormat::gray8}, plan) == warped(spread.view(), plan));
}

TEST_CASE("Warp gives channels in the order that the model expects") {
  Image image{std::vector<std::uint8_t>(std::size_t{4} * 4 * 3), 4, 4, PixelFormat::bgr8};
  for (std::size_t i = 0; i < 16; ++i) {
    image.pixels[3 * i] = 10;      // blue
    image.pixels[3 * i + 1] = 20;  // green
    image.pixels[3 * i + 2] = 30;  // red
  }
  WarpPlan plan;
  plan.size = {2, 2};
  plan.color = ColorOrder::rgb;
  const auto rgb = warped(image.view(), plan);
  CHECK(std::vector<int>(rgb.begin(), rgb.begin() + 3) == std::vector<int>{30, 20, 10});
  plan.color = ColorOrder::bgr;
  const auto bgr = warped(image.view(), plan);
  CHECK(std::vector<int>(bgr.begin(), bgr.begin() + 3) == std::vector<int>{10, 20, 30});
}

TEST_CASE("Normalisation applies each channel's mean and deviation exactly and writes planes") {
  const Image image = noise(30, 30);
  const WarpPlan plan = plan_of({3, 2, 27, 29}, {8, 12});
  const std::array<double, 3> mean{123.675, 116.28, 103.53};
  const std::array<double, 3> deviation{58.395, 57.12, 57.375};
  const auto bytes = warped(image.view(), plan);
  std::vector<float> planes(bytes.size());
  WarpScratch scratch;
  warp_rows_normalized(image.view(), plan, mean, deviation, 0, plan.size.height, planes.data(), scratch);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t c = i % 3;
    const double expected = (bytes[i] - mean[c]) / deviation[c];
    CHECK(static_cast<double>(planes[c * 96 + i / 3]) == Catch::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("Rows warped in bands by any executor equal the rows of the whole") {
  const Image image = noise(300, 200);
  InputInfo input;
  input.width = 768;
  input.height = 300;
  const Box box{-20, 10, 250, 190};
  WarpPlan plan = plan_of(box, input.size());
  plan.enlarge = GENERATE(Interpolation::bilinear, Interpolation::bicubic);
  const std::vector<CropTask> crops(3, {image.view(), plan});
  const auto whole = warped(image.view(), crops[0].plan);
  SerialExecutor serial;
  ThreadPool pool(3);
  posekit_test::ShufflingExecutor shuffling;
  for (Executor* executor : std::initializer_list<Executor*>{&serial, &pool, &shuffling}) {
    std::vector<WarpScratch> scratch;
    std::vector<std::uint8_t> staged(crops.size() * whole.size());
    stage_crops(crops, input, CropFormat::uint8_hwc, *executor, {}, scratch, reinterpret_cast<std::byte*>(staged.data()));
    for (std::size_t crop = 0; crop < crops.size(); ++crop) {
      CHECK(std::equal(whole.begin(), whole.end(), staged.begin() + static_cast<std::ptrdiff_t>(crop * whole.size())));
    }
  }
}

TEST_CASE("A mirrored normalised crop is the normalised mirrored crop") {
  const std::vector<float> planes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
  std::vector<float> out(planes.size());
  mirror_crop(planes.data(), {3, 2}, out.data());
  CHECK(out == std::vector<float>{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10, 15, 14, 13, 18, 17, 16});
}
