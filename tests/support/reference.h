/// A float64 reference of crop and decode, written from the formulas alone: it includes nothing of the library, and golden data pin it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace posekit_test::reference {

/// u = scale_x * x + offset_x, v likewise.
struct Transform {
  double scale_x, offset_x, scale_y, offset_y;
};

/// Box (x1, y1, x2, y2) → transform to a crop of width x height.
Transform crop_transform(const std::array<double, 4>& box, int width, int height, double padding, bool udp);

/// An interleaved picture of 3 channels, rows without gaps.
struct Picture {
  int width, height;
  const std::uint8_t* pixels;
};

/// The crop [height,width,3], channels as in the picture, exact bilinear, black outside, not rounded.
std::vector<double> crop(const Picture& picture, const Transform& transform, int width, int height);

/// The same, bicubic with OpenCV's kernel, kept within 0..255.
std::vector<double> cubic_crop(const Picture& picture, const Transform& transform, int width, int height);

/// A position in heatmap cells.
struct Cell {
  double x, y;
  double score;
  bool refined;  ///< False: the integer peak.
};

/// The first maximum in row-major order, NaN skipped; {0, 0, NaN} if there is nothing else.
Cell argmax(std::span<const float> heatmap, int width, int height);

/// DARK in UDP's form with a blur of the whole map; the integer peak where that is not well posed. For finite maps.
Cell dark(std::span<const float> heatmap, int width, int height, int blur_kernel);

}  // namespace posekit_test::reference
