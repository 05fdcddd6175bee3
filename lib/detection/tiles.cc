/// Plans the parts of an image that a detector looks at.
#include "detection/tiles.h"

#include <algorithm>
#include <cmath>

namespace posekit::inline v0 {
namespace {

constexpr double border_reach = 3;  // pixels

/// Starts of half-overlapping tiles that cover [0, length), evenly spread.
std::vector<int> starts(int length, int side) {
  const int room = length - side;
  const int steps = room == 0 ? 0 : static_cast<int>(std::ceil(room / (side / 2.0)));
  std::vector<int> result{0};
  for (int i = 1; i <= steps; ++i) result.push_back(static_cast<int>(std::int64_t{room} * i / steps));
  return result;
}

}  // namespace

std::vector<Look> plan_looks(Size image, std::span<const double> fractions) {
  std::vector<Look> looks{{0, 0, image}};
  for (const double fraction : fractions) {
    const int side = std::max(1, static_cast<int>(std::lround(fraction * std::max(image.width, image.height))));
    const Size size{std::min(side, image.width), std::min(side, image.height)};
    for (const int y : starts(image.height, size.height)) {
      for (const int x : starts(image.width, size.width)) looks.push_back({x, y, size});
    }
  }
  return looks;
}

ImageView view_of(const ImageView& image, const Look& look) noexcept {
  const std::size_t offset =
      static_cast<std::size_t>(look.y) * image.stride + static_cast<std::size_t>(look.x) * static_cast<std::size_t>(channels(image.format));
  return {image.data + offset, look.size.width, look.size.height, image.stride, image.format};
}

bool touches_inner_border(const Box& box, const Look& look, Size image) noexcept {
  return (look.x > 0 && box.x1 < look.x + border_reach) || (look.y > 0 && box.y1 < look.y + border_reach) ||
         (look.x + look.size.width < image.width && box.x2 > look.x + look.size.width - border_reach) ||
         (look.y + look.size.height < image.height && box.y2 > look.y + look.size.height - border_reach);
}

}  // namespace posekit::inline v0
