/// A float64 reference of crop and decode.
#include "support/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace posekit_test::reference {
namespace {

std::vector<double> kernel_of(int size) {
  if (size == 3) return {0.25, 0.5, 0.25};
  if (size == 5) return {1 / 16., 4 / 16., 6 / 16., 4 / 16., 1 / 16.};
  if (size == 7) return {0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125};
  if (size == 9) return {4 / 256., 13 / 256., 30 / 256., 51 / 256., 60 / 256., 51 / 256., 30 / 256., 13 / 256., 4 / 256.};
  const double sigma = 0.3 * ((size - 1) / 2. - 1) + 0.8;
  std::vector<double> kernel;
  double sum = 0;
  for (int i = 0; i < size; ++i) {
    kernel.push_back(std::exp(-std::pow(i - (size - 1) / 2., 2) / (2 * sigma * sigma)));
    sum += kernel.back();
  }
  for (double& value : kernel) value /= sum;
  return kernel;
}

/// A map of doubles with zeros outside.
struct Map {
  int width, height;
  std::vector<double> values;

  double at(int x, int y) const {
    return x < 0 || y < 0 || x >= width || y >= height ? 0 : values[static_cast<std::size_t>(y * width + x)];
  }
  double nearest(int x, int y) const { return at(std::clamp(x, 0, width - 1), std::clamp(y, 0, height - 1)); }
};

Map blur(const Map& map, const std::vector<double>& kernel) {
  const int half = static_cast<int>(kernel.size()) / 2;
  Map rows = map;
  Map both = map;
  const auto weight = [&](int i) { return kernel[static_cast<std::size_t>(i + half)]; };
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      double sum = 0;
      for (int i = -half; i <= half; ++i) sum += weight(i) * map.at(x + i, y);
      rows.values[static_cast<std::size_t>(y * map.width + x)] = sum;
    }
  }
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      double sum = 0;
      for (int i = -half; i <= half; ++i) sum += weight(i) * rows.at(x, y + i);
      both.values[static_cast<std::size_t>(y * map.width + x)] = sum;
    }
  }
  return both;
}

}  // namespace

Transform crop_transform(const std::array<double, 4>& box, int width, int height, double padding, bool udp) {
  const double cx = (box[0] + box[2]) / 2;
  const double cy = (box[1] + box[3]) / 2;
  double sx = padding * (box[2] - box[0]);
  double sy = padding * (box[3] - box[1]);
  const double aspect = static_cast<double>(width) / height;
  if (sx > aspect * sy) {
    sy = sx / aspect;
  } else {
    sx = aspect * sy;
  }
  const double w = udp ? width - 1 : width;
  const double h = udp ? height - 1 : height;
  return {w / sx, (sx / 2 - cx) * w / sx, h / sy, (sy / 2 - cy) * h / sy};
}

namespace {

/// A pixel's channel; black outside.
double pixel_of(const Picture& picture, double x, double y, int c) {
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return 0;
  return picture.pixels[(static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) + static_cast<std::size_t>(x)) * 3 +
                        static_cast<std::size_t>(c)];
}

/// The weights of four neighbours at a fraction behind the second, as OpenCV's interpolateCubic writes them.
std::array<double, 4> cubic_weights(double x) {
  constexpr double a = -0.75;
  const double first = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
  const double second = ((a + 2) * x - (a + 3)) * x * x + 1;
  const double third = ((a + 2) * (1 - x) - (a + 3)) * (1 - x) * (1 - x) + 1;
  return {first, second, third, 1 - first - second - third};
}

}  // namespace

std::vector<double> cubic_crop(const Picture& picture, const Transform& transform, int width, int height) {
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(width * height * 3));
  for (int v = 0; v < height; ++v) {
    const double y = (v - transform.offset_y) / transform.scale_y;
    const auto rows = cubic_weights(y - std::floor(y));
    for (int u = 0; u < width; ++u) {
      const double x = (u - transform.offset_x) / transform.scale_x;
      const auto columns = cubic_weights(x - std::floor(x));
      for (int c = 0; c < 3; ++c) {
        double sum = 0;
        for (int i = 0; i < 4; ++i) {
          for (int j = 0; j < 4; ++j) {
            sum += rows[static_cast<std::size_t>(i)] * columns[static_cast<std::size_t>(j)] *
                   pixel_of(picture, std::floor(x) - 1 + j, std::floor(y) - 1 + i, c);
          }
        }
        out.push_back(std::clamp(sum, 0.0, 255.0));
      }
    }
  }
  return out;
}

std::vector<double> crop(const Picture& picture, const Transform& transform, int width, int height) {
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(width * height * 3));
  const auto pixel = [&](double x, double y, int c) { return pixel_of(picture, x, y, c); };
  for (int v = 0; v < height; ++v) {
    const double y = (v - transform.offset_y) / transform.scale_y;
    const double y0 = std::floor(y);
    for (int u = 0; u < width; ++u) {
      const double x = (u - transform.offset_x) / transform.scale_x;
      const double x0 = std::floor(x);
      for (int c = 0; c < 3; ++c) {
        const double top = pixel(x0, y0, c) * (1 - (x - x0)) + pixel(x0 + 1, y0, c) * (x - x0);
        const double bottom = pixel(x0, y0 + 1, c) * (1 - (x - x0)) + pixel(x0 + 1, y0 + 1, c) * (x - x0);
        out.push_back(top * (1 - (y - y0)) + bottom * (y - y0));
      }
    }
  }
  return out;
}

Cell argmax(std::span<const float> heatmap, int width, int height) {
  Cell best{0, 0, std::numeric_limits<double>::quiet_NaN(), false};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double value = static_cast<double>(heatmap[static_cast<std::size_t>(y * width + x)]);
      if (!std::isnan(value) && (std::isnan(best.score) || value > best.score))
        best = {static_cast<double>(x), static_cast<double>(y), value, false};
    }
  }
  return best;
}

Cell dark(std::span<const float> heatmap, int width, int height, int blur_kernel) {
  Cell peak = argmax(heatmap, width, height);
  if (!(peak.score > 0)) return peak;
  Map map{width, height, {}};
  for (const float value : heatmap) map.values.push_back(static_cast<double>(value));
  Map log_map = blur(map, kernel_of(blur_kernel));
  const double scale = peak.score / *std::max_element(log_map.values.begin(), log_map.values.end());
  for (double& value : log_map.values) value = std::log(std::clamp(value * scale, 1e-3, 50.0));

  const int x = static_cast<int>(peak.x);
  const int y = static_cast<int>(peak.y);
  const auto f = [&](int dx, int dy) { return log_map.nearest(x + dx, y + dy); };
  const double gx = (f(1, 0) - f(-1, 0)) / 2;
  const double gy = (f(0, 1) - f(0, -1)) / 2;
  const double xx = f(1, 0) - 2 * f(0, 0) + f(-1, 0) + 1.1920929e-7;
  const double yy = f(0, 1) - 2 * f(0, 0) + f(0, -1) + 1.1920929e-7;
  const double xy = (f(1, 1) - f(1, 0) - f(0, 1) + 2 * f(0, 0) - f(-1, 0) - f(0, -1) + f(-1, -1)) / 2;
  const double determinant = xx * yy - xy * xy;
  const double ox = -(yy * gx - xy * gy) / determinant;
  const double oy = -(xx * gy - xy * gx) / determinant;
  if (xx < 0 && determinant > 0 && std::hypot(ox, oy) <= 2) peak = {peak.x + ox, peak.y + oy, peak.score, true};
  return peak;
}

}  // namespace posekit_test::reference
