/// Borrowed image views are checked before they are used.
#include "posekit/image.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "posekit/error.h"
#include "support/fails_with.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("validate names what is wrong with a view") {
  const std::uint8_t pixel[300] = {};
  const ImageView good{pixel, 10, 10, 30, PixelFormat::bgr8};
  CHECK_NOTHROW(validate(good));
  const auto fails = [](const ImageView& bad, const char* value) { posekit_test::fails_with([&] { validate(bad); }, "image", value); };
  ImageView view = good;
  view.data = nullptr;
  fails(view, "null");
  view = good;
  view.width = 0;
  fails(view, "0x10");
  view = good;
  view.height = -3;
  fails(view, "10x-3");
  view = good;
  view.stride = 29;
  CHECK_THROWS_WITH(validate(view), ContainsSubstring("30"));
  fails(view, "29");
  view = good;
  view.format = static_cast<PixelFormat>(9);
  fails(view, "format 9");
  view = good;
  view.cuda_device = -2;
  fails(view, "-2");
  view.cuda_device = 3;
  CHECK_THROWS_WITH(validate(view), ContainsSubstring("host"));
  fails(view, "cuda:3");
}
