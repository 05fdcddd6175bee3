/// The local form of DARK against a float64 blur of the whole map, over many random channels.
#include "codec/peak.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "codec/dark.h"
#include "support/reference.h"

using namespace posekit;
namespace reference = posekit_test::reference;

namespace {

constexpr Size size{48, 64};

/// A blob or two of any height and width, somewhere, with noise: much like a network's channel, weak ones among them.
std::vector<float> random_channel(std::mt19937& random) {
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<float> map(static_cast<std::size_t>(size.width * size.height));
  const double height = std::pow(10.0, -3.2 + 5.2 * unit(random));  // 0.0006 to 100
  const double noise = unit(random) < 0.5 ? 0 : 0.01 * height;
  const double sigma = 0.6 + 4 * unit(random);
  const double x0 = -1 + (size.width + 1) * unit(random);
  const double y0 = -1 + (size.height + 1) * unit(random);
  const double second = unit(random) < 0.3 ? 0.9 * unit(random) : 0;
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const double near = std::exp(-((x - x0) * (x - x0) + (y - y0) * (y - y0)) / (2 * sigma * sigma));
      const double far = second * std::exp(-((x - 20) * (x - 20) + (y - 30) * (y - 30)) / 18.0);
      map[static_cast<std::size_t>(y * size.width + x)] = static_cast<float>(height * (near + far) + noise * (unit(random) - 0.5));
    }
  }
  return map;
}

CellPoint decoded(const std::vector<float>& map, Refinement refinement, int kernel_size) {
  DecodeScratch scratch;
  const auto kernel = gaussian_kernel(kernel_size);
  return refine_peak(reduce_peak(map, size, refinement, kernel, scratch), size, refinement);
}

}  // namespace

TEST_CASE("Local DARK agrees with the whole blur within a thousandth of a cell, at borders too") {
  const int kernel = GENERATE(3, 5, 7, 9, 11, 17);
  std::mt19937 random(static_cast<unsigned>(kernel));
  int refined = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto map = random_channel(random);
    const CellPoint found = decoded(map, Refinement::dark, kernel);
    const auto expected = reference::dark(map, size.width, size.height, kernel);
    INFO("channel " << i << ", peak " << expected.score);
    REQUIRE(found.usable);
    CHECK(static_cast<double>(found.score) == expected.score);
    // On the verge between well posed and not either answer is right.
    const auto peak = reference::argmax(map, size.width, size.height);
    const bool on_the_verge = std::abs(std::hypot(expected.x - peak.x, expected.y - peak.y) - 2) < 1e-2 ||
                              expected.refined != (found.x != peak.x || found.y != peak.y);
    if (!on_the_verge) {
      CHECK(std::abs(found.x - expected.x) <= 1e-3);
      CHECK(std::abs(found.y - expected.y) <= 1e-3);
    }
    refined += expected.refined && !on_the_verge ? 1 : 0;
  }
  CHECK(refined > 700);
}

TEST_CASE("What a peak's surroundings decide is what the whole channel says, to the bit; else it is said what is missing") {
  const Refinement refinement = GENERATE(Refinement::dark, Refinement::quarter, Refinement::none);
  const int kernel_size = GENERATE(3, 11, 17);
  const auto kernel = gaussian_kernel(kernel_size);
  const int reach = peak_reach(refinement, kernel.size());
  std::mt19937 random(static_cast<unsigned>(kernel_size));
  DecodeScratch scratch;
  int decided = 0;
  int weak = 0;
  int hidden = 0;
  for (int i = 0; i < 600; ++i) {
    auto map = random_channel(random);
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    if (i % 10 == 0) map[random() % map.size()] = i % 20 == 0 ? nan : -std::numeric_limits<float>::infinity();
    // The first maximum, as whoever lets a NaN win finds it.
    auto peak = static_cast<std::size_t>(std::ranges::max_element(map) - map.begin());
    if (const auto found = std::ranges::find_if(map, [](float value) { return std::isnan(value); }); found != map.end())
      peak = static_cast<std::size_t>(found - map.begin());
    std::vector<float> patch;
    for (int y = -reach; y <= reach; ++y) {
      for (int x = -reach; x <= reach; ++x) {
        const int column = std::clamp(static_cast<int>(peak) % size.width + x, 0, size.width - 1);
        const int row = std::clamp(static_cast<int>(peak) / size.width + y, 0, size.height - 1);
        patch.push_back(map[static_cast<std::size_t>(row * size.width + column)]);
      }
    }
    PeakRecord record;
    const bool complete = reduce_patch(peak, patch, size, refinement, kernel, scratch, record);
    const PeakRecord expected = reduce_peak(map, size, refinement, kernel, scratch);
    INFO("channel " << i);
    if (!complete && std::isnan(record.score)) {
      CHECK(std::ranges::any_of(map, [](float value) { return std::isnan(value); }));
      ++hidden;
      continue;
    }
    CHECK(record.usable == expected.usable);
    CHECK(record.x == expected.x);
    CHECK(record.y == expected.y);
    CHECK(record.score == expected.score);
    CHECK(record.around == expected.around);
    CHECK(std::isnan(record.blurred_max));
    CHECK(complete == std::isnan(expected.blurred_max));
    ++(complete ? decided : weak);
  }
  CHECK(decided > 200);
  CHECK(hidden > 10);
  CHECK((weak > 20) == (refinement == Refinement::dark));
}

TEST_CASE("Blur kernels are normalised and symmetric, those of tables and those of the formula") {
  for (int length = 1; length <= 31; length += 2) {
    const auto kernel = gaussian_kernel(length);
    double sum = 0;
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      sum += kernel[i];
      CHECK(kernel[i] == kernel[kernel.size() - 1 - i]);
    }
    CHECK(std::abs(sum - 1) < 1e-12);
  }
  CHECK(gaussian_kernel(5)[2] == 0.375);
  const double sigma = 0.3 * (5 - 1) + 0.8;
  CHECK(std::abs(gaussian_kernel(11)[5] / gaussian_kernel(11)[4] - std::exp(1 / (2 * sigma * sigma))) < 1e-12);
}

TEST_CASE("Quarter moves inner peaks of positive score a quarter cell towards the higher neighbour") {
  std::vector<float> map(static_cast<std::size_t>(size.width * size.height));
  const auto set = [&](int x, int y, float value) { map[static_cast<std::size_t>(y * size.width + x)] = value; };
  set(10, 10, 1);
  set(11, 10, 0.5F);
  set(10, 9, 0.5F);
  CellPoint point = decoded(map, Refinement::quarter, 11);
  CHECK(point.x == 10.25);
  CHECK(point.y == 9.75);

  std::fill(map.begin(), map.end(), 0.0F);
  set(1, 10, 1);
  set(2, 10, 0.5F);
  set(1, 11, 0.5F);
  point = decoded(map, Refinement::quarter, 11);
  CHECK(point.x == 1);
  CHECK(point.y == 10.25);

  std::fill(map.begin(), map.end(), -2.0F);
  set(10, 10, -1);
  set(11, 10, -1.5F);
  point = decoded(map, Refinement::quarter, 11);
  CHECK(point.x == 10);
  CHECK(point.score == -1);
}

TEST_CASE("Values that are not finite change only the peaks whose window holds them") {
  const float bad = GENERATE(std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity());
  std::vector<float> map(static_cast<std::size_t>(size.width * size.height));
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      map[static_cast<std::size_t>(y * size.width + x)] =
          static_cast<float>(std::exp(-((x - 20.3) * (x - 20.3) + (y - 30.4) * (y - 30.4)) / 8));
    }
  }
  const CellPoint clean = decoded(map, Refinement::dark, 11);
  map[30 * 48 + 27] = bad;  // 7 cells away: beyond (11 + 2) / 2
  const CellPoint far = decoded(map, Refinement::dark, 11);
  CHECK(far.usable);
  CHECK(far.x == clean.x);
  map[30 * 48 + 26] = bad;
  const CellPoint near = decoded(map, Refinement::dark, 11);
  CHECK_FALSE(near.usable);
  CHECK(near.score == 0);
  CHECK(decoded(map, Refinement::none, 11).usable);
  std::fill(map.begin(), map.end(), std::numeric_limits<float>::quiet_NaN());
  CHECK_FALSE(decoded(map, Refinement::none, 11).usable);
}
