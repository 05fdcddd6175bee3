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

std::vector<Window> plan_windows(Size image, std::span<const double> fractions) {
  std::vector<Window> windows{{0, 0, image}};
  for (const double fraction : fractions) {
    const int side = std::max(1, static_cast<int>(std::lround(fraction * std::max(image.width, image.height))));
    const Size size{std::min(side, image.width), std::min(side, image.height)};
    for (const int y : starts(image.height, size.height)) {
      for (const int x : starts(image.width, size.width)) windows.push_back({x, y, size});
    }
  }
  return windows;
}

ImageView view_of(const ImageView& image, const Window& window) noexcept {
  const std::size_t offset = static_cast<std::size_t>(window.y) * image.stride +
                             static_cast<std::size_t>(window.x) * static_cast<std::size_t>(channels(image.format));
  return {image.data + offset, window.size.width, window.size.height, image.stride, image.format};
}

bool touches_inner_border(const Box& box, const Window& window, Size image) noexcept {
  return (window.x > 0 && box.x1 < window.x + border_reach) || (window.y > 0 && box.y1 < window.y + border_reach) ||
         (window.x + window.size.width < image.width && box.x2 > window.x + window.size.width - border_reach) ||
         (window.y + window.size.height < image.height && box.y2 > window.y + window.size.height - border_reach);
}

}  // namespace posekit::inline v0
