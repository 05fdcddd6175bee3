/// Borrowed image views are checked before they are used.
#include "posekit/image.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "posekit/error.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("validate names what is wrong with a view") {
  const std::uint8_t pixel[300] = {};
  const ImageView good{pixel, 10, 10, 30, PixelFormat::bgr8};
  CHECK_NOTHROW(validate(good));
  ImageView view = good;
  view.data = nullptr;
  CHECK_THROWS_WITH(validate(view), ContainsSubstring("null"));
  view = good;
  view.width = 0;
  CHECK_THROWS_WITH(validate(view), ContainsSubstring("0x10"));
  view = good;
  view.height = -3;
  CHECK_THROWS_WITH(validate(view), ContainsSubstring("10x-3"));
  view = good;
  view.stride = 29;
  CHECK_THROWS_WITH(validate(view), ContainsSubstring("29") && ContainsSubstring("30"));
  view = good;
  view.format = static_cast<PixelFormat>(9);
  CHECK_THROWS_WITH(validate(view), ContainsSubstring("format 9"));
  view = good;
  view.cuda_device = -2;
  CHECK_THROWS_WITH(validate(view), ContainsSubstring("-2"));
  view.cuda_device = 3;
  CHECK_THROWS_WITH(validate(view), ContainsSubstring("cuda:3") && ContainsSubstring("host"));
}
