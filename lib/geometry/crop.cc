/// From a person's box to the crop region and its transform.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "posekit/error.h"
#include "posekit/geometry.h"

namespace posekit::inline v0 {
namespace {

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::invalid_argument, message); }

/// How many units a length of that many pixels spans.
double span(int pixels, Alignment alignment) { return alignment == Alignment::udp ? pixels - 1 : pixels; }

}  // namespace

bool is_valid(const Box& box) noexcept {
  return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2) && box.x2 > box.x1 &&
         box.y2 > box.y1;
}

CropRegion crop_region(const Box& box, Size input, double padding) {
  if (!is_valid(box)) {
    fail(fmt::format("({}, {}, {}, {}) is not a box: finite x1, y1, x2, y2 in pixels with x2 > x1 and y2 > y1 are expected", box.x1, box.y1,
                     box.x2, box.y2));
  }
  if (input.width <= 0 || input.height <= 0)
    fail(fmt::format("model input {}x{}: a width and a height > 0 are expected", input.width, input.height));
  if (!(padding > 0) || !std::isfinite(padding)) fail(fmt::format("box padding {}: a finite number > 0 is expected", padding));

  // Halves first: the sum of two finite corners may not be finite.
  const Point centre{box.x1 / 2 + box.x2 / 2, box.y1 / 2 + box.y2 / 2};
  Point size{padding * (box.x2 - box.x1), padding * (box.y2 - box.y1)};
  const double aspect = static_cast<double>(input.width) / input.height;
  if (size.x > aspect * size.y) {
    size.y = size.x / aspect;
  } else {
    size.x = aspect * size.y;
  }
  return {centre, size};
}

CropTransform crop_transform(const CropRegion& region, Size input, Alignment alignment) {
  CropTransform transform;
  transform.scale_x = span(input.width, alignment) / region.size.x;
  transform.scale_y = span(input.height, alignment) / region.size.y;
  transform.offset_x = (region.size.x / 2 - region.centre.x) * transform.scale_x;
  transform.offset_y = (region.size.y / 2 - region.centre.y) * transform.scale_y;
  for (const double value : {transform.scale_x, transform.scale_y, transform.offset_x, transform.offset_y}) {
    if (!std::isfinite(value) || !(transform.scale_x > 0) || !(transform.scale_y > 0)) {
      fail(fmt::format(
          "the region of {} x {} pixels around ({}, {}) is too large or too far away to crop to {} x {}: pass a box near the image",
          region.size.x, region.size.y, region.centre.x, region.centre.y, input.width, input.height));
    }
  }
  return transform;
}

double iou(const Box& a, const Box& b) noexcept {
  const auto area = [](const Box& box) { return std::max(0.0, box.x2 - box.x1) * std::max(0.0, box.y2 - box.y1); };
  const double width = std::max(0.0, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
  const double height = std::max(0.0, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
  const double both = width * height;
  const double either = area(a) + area(b) - both;
  return either > 0 ? both / either : 0;
}

}  // namespace posekit::inline v0
