/// Where a crop's pixels lie in the source image: what every warp agrees on.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "posekit/image.h"
#include "posekit/model_info.h"
#include "preprocess/warp.h"

namespace posekit::inline v0 {

/// Where one crop pixel lies between two source pixels along one axis; what falls outside the image counts as border.
struct Tap {
  std::int32_t first = 0;   ///< Source index, inside the image.
  std::int32_t second = 0;  ///< Likewise.
  float weight_first = 0;
  float weight_second = 0;
  float weight_border = 1;
};

[[nodiscard]] inline Tap tap_at(double position, int length) {
  if (!(position > -1 && position < length)) return {};
  auto index = static_cast<std::int32_t>(position);
  if (position < index) --index;
  const double fraction = position - index;
  Tap tap;
  if (index >= 0) {
    tap.first = index;
    tap.weight_first = static_cast<float>(1 - fraction);
  }
  if (index + 1 < length) {
    tap.second = index + 1;
    tap.weight_second = static_cast<float>(fraction);
  }
  const double inside = (index >= 0 ? 1 - fraction : 0) + (index + 1 < length ? fraction : 0);
  tap.weight_border = static_cast<float>(1 - inside);
  return tap;
}

/// The tap of one crop column or row: `place` is its number, `scale` and `offset` the transform's along that axis.
[[nodiscard]] inline Tap tap_of(std::size_t place, double scale, double offset, int length) {
  return tap_at((static_cast<double>(place) - offset) / scale, length);
}

/// Where one crop pixel lies among four source pixels along one axis, which may be outside the image.
struct CubicTap {
  std::int64_t first = 0;          ///< Source index of the first of the four.
  std::array<float, 4> weights{};  ///< Their sum is 1.
};

/// Whether a plan is bicubic: along both axes the crop has at least as many pixels as its part of the image.
[[nodiscard]] inline bool is_cubic(const WarpPlan& plan) {
  return plan.enlarge == Interpolation::bicubic && std::min(plan.transform.scale_x, plan.transform.scale_y) >= 1;
}

/// As tap_of, with the kernel of Keys, "Cubic convolution interpolation for digital image processing" (1981), a = -0.75 as in OpenCV.
[[nodiscard]] inline CubicTap cubic_tap_of(std::size_t place, double scale, double offset, int length) {
  constexpr double a = -0.75;
  const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  const double position = std::clamp((static_cast<double>(place) - offset) / scale, -3.0, length + 2.0);  // beyond, all four are outside
  const double whole = std::floor(position);
  const double d = position - whole;
  return {static_cast<std::int64_t>(whole) - 1,
          {static_cast<float>(far(1 + d)), static_cast<float>(near(d)), static_cast<float>(near(1 - d)), static_cast<float>(far(2 - d))}};
}

/// Byte offsets of the crop's first, second and third channel within a source pixel.
[[nodiscard]] inline std::array<int, 3> channel_offsets(PixelFormat format, ColorOrder order) {
  if (format == PixelFormat::gray8) return {0, 0, 0};
  const bool same = (format == PixelFormat::rgb8 || format == PixelFormat::rgba8) == (order == ColorOrder::rgb);
  return same ? std::array{0, 1, 2} : std::array{2, 1, 0};
}

}  // namespace posekit::inline v0
