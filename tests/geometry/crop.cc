/// Boxes, regions and transforms beyond the golden cases.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>

#include "posekit/error.h"
#include "posekit/geometry.h"
#include "support/fails_with.h"

using namespace posekit;
using Catch::Approx;
using posekit_test::fails_with;

TEST_CASE("The region takes the model's aspect and contains the padded box") {
  const CropRegion wide = crop_region({0, 0, 400, 100}, {192, 256}, 1.25);
  CHECK(wide.size.x == Approx(500));
  CHECK(wide.size.y == Approx(500 * 256 / 192.0));
  const CropRegion tall = crop_region({0, 0, 10, 100}, {192, 256}, 1.25);
  CHECK(tall.size.x == Approx(125 * 192 / 256.0));
  CHECK(tall.size.y == Approx(125));
}

TEST_CASE("udp aligns the outermost pixels' centres with the region's edges, classic the sizes") {
  const CropRegion region{{50, 60}, {30, 40}};
  const CropTransform udp = crop_transform(region, {192, 256}, Alignment::udp);
  CHECK(udp.apply({35, 40}).x == Approx(0).margin(1e-12));
  CHECK(udp.apply({65, 80}).x == Approx(191));
  CHECK(udp.apply({65, 80}).y == Approx(255));
  const CropTransform classic = crop_transform(region, {192, 256}, Alignment::classic);
  CHECK(classic.apply({35, 40}).y == Approx(0).margin(1e-12));
  CHECK(classic.apply({65, 80}).x == Approx(192));
  CHECK(classic.apply({65, 80}).y == Approx(256));
}

TEST_CASE("An invalid box, input or padding is refused with its values") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto region = [](Box box, Size input, double padding) { return [=] { return crop_region(box, input, padding); }; };
  fails_with(region({10, 20, 5, 40}, {192, 256}, 1.25), "box", "(10, 20, 5, 40)");
  fails_with(region({10, nan, 15, 40}, {192, 256}, 1.25), "box", "nan");
  fails_with(region({10, 20, 15, 40}, {0, 256}, 1.25), "model input", "0x256");
  fails_with(region({10, 20, 15, 40}, {192, 256}, -2), "box padding", "-2");
  fails_with(region({10, 20, 15, 40}, {192, 256}, nan), "box padding", "nan");
}

TEST_CASE("A region too large for finite numbers is refused") {
  constexpr double largest = std::numeric_limits<double>::max();
  const CropRegion region = crop_region({-largest, 0, largest, 1}, {192, 256}, 1.25);
  fails_with([&] { return crop_transform(region, {192, 256}, Alignment::udp); }, "region", "192 x 256");
}

TEST_CASE("IoU of disjoint, nested, equal and degenerate boxes") {
  CHECK(iou({0, 0, 10, 10}, {20, 0, 30, 10}) == 0);
  CHECK(iou({0, 0, 10, 10}, {0, 0, 10, 10}) == 1);
  CHECK(iou({0, 0, 10, 10}, {0, 0, 5, 10}) == Approx(0.5));
  CHECK(iou({5, 5, 5, 5}, {5, 5, 5, 5}) == 0);
  CHECK(iou({10, 10, 0, 0}, {0, 0, 10, 10}) == 0);
}
