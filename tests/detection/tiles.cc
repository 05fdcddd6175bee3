/// Tiles: where a detector windows.
#include "detection/tiles.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <vector>

using namespace posekit;

TEST_CASE("The detector runs once on the whole image without tiles") {
  const auto windows = plan_windows({640, 480}, {});
  REQUIRE(windows.size() == 1);
  CHECK(windows[0].size == Size{640, 480});
}

TEST_CASE("Tiles cover the image, are inside it and overlap by at least half") {
  const Size image = GENERATE(Size{640, 425}, Size{425, 640}, Size{333, 500}, Size{101, 100}, Size{3, 700}, Size{1, 1});
  const double fraction = GENERATE(0.5, 0.3, 1.0, 1.0 / 64);
  const std::vector<double> fractions{fraction};
  const auto windows = plan_windows(image, fractions);
  REQUIRE(windows.size() > 1);
  std::vector<bool> column(static_cast<std::size_t>(image.width), false);
  std::vector<bool> row(static_cast<std::size_t>(image.height), false);
  for (std::size_t i = 1; i < windows.size(); ++i) {
    const Window& window = windows[i];
    REQUIRE(window.x >= 0);
    REQUIRE(window.y >= 0);
    REQUIRE(window.x + window.size.width <= image.width);
    REQUIRE(window.y + window.size.height <= image.height);
    for (int x = window.x; x < window.x + window.size.width; ++x) column[static_cast<std::size_t>(x)] = true;
    for (int y = window.y; y < window.y + window.size.height; ++y) row[static_cast<std::size_t>(y)] = true;
    // The next in the same row starts before this one's middle has passed, rounding aside.
    if (i + 1 < windows.size() && windows[i + 1].y == window.y) CHECK(windows[i + 1].x - window.x <= (window.size.width + 1) / 2);
  }
  CHECK(std::find(column.begin(), column.end(), false) == column.end());
  CHECK(std::find(row.begin(), row.end(), false) == row.end());
}

TEST_CASE("A box counts as cut off near a tile's border inside the image, not near the image's own") {
  const Size image{100, 100};
  const Window window{50, 0, {50, 50}};
  CHECK(touches_inner_border({52, 10, 80, 30}, window, image));
  CHECK_FALSE(touches_inner_border({53, 10, 80, 30}, window, image));
  CHECK(touches_inner_border({60, 10, 80, 48}, window, image));
  CHECK_FALSE(touches_inner_border({60, -5, 110, 30}, window, image));
}
