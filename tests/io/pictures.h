/// What tests/io/data/make.py paints, and errors that name their image.
#pragma once

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <string>
#include <utility>

#include "posekit/error.h"
#include "posekit/image.h"
#include "support/message_form.h"

namespace posekit_test {

using posekit::Error;
using posekit::ErrorCode;
using posekit::Image;
using posekit::PixelFormat;
using Rgb = std::array<int, 3>;

constexpr Rgb red{200, 40, 30};
constexpr Rgb green{30, 180, 60};
constexpr Rgb blue{40, 60, 210};
constexpr Rgb white{240, 240, 240};

inline Rgb rgb_at(const Image& image, int x, int y) {
  const std::uint8_t* bgr = &image.pixels[static_cast<std::size_t>((y * image.width + x) * 3)];
  return {bgr[2], bgr[1], bgr[0]};
}

inline int difference(const Rgb& a, const Rgb& b) {
  return std::max({std::abs(a[0] - b[0]), std::abs(a[1] - b[1]), std::abs(a[2] - b[2])});
}

/// The largest difference from the upright picture of four quadrants.
inline int worst_in_quadrants(const Image& image) {
  REQUIRE(image.width == 32);
  REQUIRE(image.height == 16);
  REQUIRE(image.format == PixelFormat::bgr8);
  REQUIRE(image.pixels.size() == std::size_t{32} * 16 * 3);
  int worst = 0;
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 32; ++x) {
      const Rgb& expected = y < 8 ? (x < 16 ? red : green) : (x < 16 ? blue : white);
      worst = std::max(worst, difference(rgb_at(image, x, y), expected));
    }
  }
  return worst;
}

inline int worst_in_halves(const Image& image, int left, int right) {
  REQUIRE(image.width == 32);
  REQUIRE(image.height == 16);
  int worst = 0;
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 32; ++x) {
      const int gray = x < 16 ? left : right;
      worst = std::max(worst, difference(rgb_at(image, x, y), {gray, gray, gray}));
    }
  }
  return worst;
}

/// Expects the levels of gray16 files: value / 257, rounded, of what is around each of 256 values.
inline void check_levels(const Image& image) {
  REQUIRE(image.width == 256);
  for (int v = 0; v < 256; ++v) {
    const int next = std::min(255, v + 1);
    CHECK(rgb_at(image, v, 0) == Rgb{v, v, v});           // 257 v - 128
    CHECK(rgb_at(image, v, 1) == Rgb{v, v, v});           // 257 v + 128
    CHECK(rgb_at(image, v, 2) == Rgb{next, next, next});  // 257 v + 129
  }
}

/// The error of a call; the test fails if there is none, or if the message does not name `name`.
template <class Call>
Error error_of(Call&& call, const std::string& name) {
  return error_of(std::forward<Call>(call), "image", name);
}

}  // namespace posekit_test
