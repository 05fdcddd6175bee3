/// Reduce and refine: from one channel's heatmap to one record, and from the record to a position.
///
/// DARK: Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020, in the form of UDP (Huang et
/// al., CVPR 2020). The record holds what a blur of the whole map would give around the peak: see docs/models.md, "What is computed".
#include "codec/peak.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace posekit::inline v0 {
namespace {

constexpr double lowest = 1e-3;  // the log map is clipped to [lowest, highest]
constexpr double highest = 50;
constexpr double diagonal = 1.1920929e-7;
constexpr double longest_offset = 2;  // cells

/// Index of the first maximum in row-major order, NaN skipped; heatmap.size() if there is nothing but NaN.
std::size_t first_maximum(std::span<const float> heatmap) {
  std::size_t best = heatmap.size();
  float value = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < heatmap.size(); ++i) {
    if (heatmap[i] > value || (best == heatmap.size() && heatmap[i] == value)) {
      value = heatmap[i];
      best = i;
    }
  }
  return best;
}

float at(std::span<const float> heatmap, Size size, int x, int y) {
  return heatmap[static_cast<std::size_t>(y) * static_cast<std::size_t>(size.width) + static_cast<std::size_t>(x)];
}

/// Whether every value within `reach` cells of the peak is finite.
bool finite_around(std::span<const float> heatmap, Size size, int px, int py, int reach) {
  for (int y = std::max(0, py - reach); y <= std::min(size.height - 1, py + reach); ++y) {
    for (int x = std::max(0, px - reach); x <= std::min(size.width - 1, px + reach); ++x) {
      if (!std::isfinite(at(heatmap, size, x, y))) return false;
    }
  }
  return true;
}

/// Sum of a row's values around x, weighted with the kernel; zeros outside.
double blur_along_x(std::span<const float> heatmap, Size size, int x, int y, std::span<const double> kernel) {
  const int half = static_cast<int>(kernel.size() / 2);
  double sum = 0;
  for (int i = std::max(-half, -x); i <= std::min(half, size.width - 1 - x); ++i) {
    sum += kernel[static_cast<std::size_t>(i + half)] * static_cast<double>(at(heatmap, size, x + i, y));
  }
  return sum;
}

/// The blurred values in the 3x3 cells around the peak; cells outside the map repeat the nearest one inside, as the log map's edges do.
std::array<float, 9> blur_around(std::span<const float> heatmap, Size size, int px, int py, std::span<const double> kernel) {
  const int half = static_cast<int>(kernel.size() / 2);
  std::array<double, 9> sums{};
  const auto row_of = [&](int dy) { return std::clamp(py + dy, 0, size.height - 1); };
  for (int y = std::max(0, py - 1 - half); y <= std::min(size.height - 1, py + 1 + half); ++y) {
    for (int dx = -1; dx <= 1; ++dx) {
      const double along_x = blur_along_x(heatmap, size, std::clamp(px + dx, 0, size.width - 1), y, kernel);
      for (int dy = -1; dy <= 1; ++dy) {
        const int offset = y - row_of(dy);
        if (offset < -half || offset > half) continue;
        sums[static_cast<std::size_t>((dy + 1) * 3 + dx + 1)] += kernel[static_cast<std::size_t>(offset + half)] * along_x;
      }
    }
  }
  std::array<float, 9> around;
  std::ranges::transform(sums, around.begin(), [](double sum) { return static_cast<float>(sum); });
  return around;
}

/// The maximum of the whole blurred channel; cells whose blur is not a number are skipped.
float blurred_maximum(std::span<const float> heatmap, Size size, std::span<const double> kernel, std::vector<float>& scratch) {
  const int half = static_cast<int>(kernel.size() / 2);
  scratch.resize(heatmap.size());
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      scratch[static_cast<std::size_t>(y * size.width + x)] = static_cast<float>(blur_along_x(heatmap, size, x, y, kernel));
    }
  }
  double best = -std::numeric_limits<double>::infinity();
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      double sum = 0;
      for (int i = std::max(-half, -y); i <= std::min(half, size.height - 1 - y); ++i) {
        sum += kernel[static_cast<std::size_t>(i + half)] * static_cast<double>(at(scratch, size, x, y + i));
      }
      best = std::max(best, sum);
    }
  }
  return static_cast<float>(best);
}

void reduce_dark(std::span<const float> heatmap, Size size, std::span<const double> kernel, std::vector<float>& scratch,
                 PeakRecord& record) {
  if (!(record.score >= static_cast<float>(lowest))) return;  // everything is clipped: the integer peak is the answer
  record.around = blur_around(heatmap, size, record.x, record.y, kernel);
  const bool clip_is_far = record.score <= static_cast<float>(highest) &&
                           std::ranges::all_of(record.around, [](float value) { return value >= static_cast<float>(lowest); });
  if (!clip_is_far) record.blurred_max = blurred_maximum(heatmap, size, kernel, scratch);
}

CellPoint refine_dark(const PeakRecord& record) {
  CellPoint point{static_cast<double>(record.x), static_cast<double>(record.y), record.score, true};
  const double scale = std::isnan(record.blurred_max) ? 1 : static_cast<double>(record.score) / static_cast<double>(record.blurred_max);
  if (!(record.score >= static_cast<float>(lowest)) || !(scale > 0) || !std::isfinite(scale)) return point;

  std::array<double, 9> f;
  std::ranges::transform(record.around, f.begin(),
                         [&](float value) { return std::log(std::clamp(scale * static_cast<double>(value), lowest, highest)); });
  const double dx = (f[5] - f[3]) / 2;
  const double dy = (f[7] - f[1]) / 2;
  const double dxx = f[5] - 2 * f[4] + f[3] + diagonal;
  const double dyy = f[7] - 2 * f[4] + f[1] + diagonal;
  const double dxy = (f[8] - f[5] - f[7] + 2 * f[4] - f[3] - f[1] + f[0]) / 2;
  const double determinant = dxx * dyy - dxy * dxy;
  if (!(dxx < 0 && determinant > 0)) return point;

  const double offset_x = -(dyy * dx - dxy * dy) / determinant;
  const double offset_y = -(dxx * dy - dxy * dx) / determinant;
  if (!(std::hypot(offset_x, offset_y) <= longest_offset)) return point;
  point.x += offset_x;
  point.y += offset_y;
  return point;
}

double quarter(float before, float after) { return after > before ? 0.25 : after < before ? -0.25 : 0; }

CellPoint refine_quarter(const PeakRecord& record, Size size) {
  CellPoint point{static_cast<double>(record.x), static_cast<double>(record.y), record.score, true};
  if (!(record.score > 0)) return point;
  if (1 < record.x && record.x < size.width - 1 && 0 < record.y) point.x += quarter(record.around[3], record.around[5]);
  if (1 < record.y && record.y < size.height - 1 && 0 < record.x) point.y += quarter(record.around[1], record.around[7]);
  return point;
}

}  // namespace

PeakRecord reduce_peak(std::span<const float> heatmap, Size size, Refinement refinement, std::span<const double> kernel,
                       std::vector<float>& scratch) {
  PeakRecord record;
  const std::size_t peak = first_maximum(heatmap);
  if (peak == heatmap.size()) return record;
  record.x = static_cast<std::int32_t>(peak % static_cast<std::size_t>(size.width));
  record.y = static_cast<std::int32_t>(peak / static_cast<std::size_t>(size.width));
  const int reach = refinement == Refinement::none ? 0 : refinement == Refinement::quarter ? 1 : static_cast<int>(kernel.size() / 2) + 1;
  if (!finite_around(heatmap, size, record.x, record.y, reach)) return record;

  record.usable = true;
  record.score = heatmap[peak];
  if (refinement == Refinement::dark) reduce_dark(heatmap, size, kernel, scratch, record);
  if (refinement == Refinement::quarter) {
    for (int i = 0; i < 9; ++i) {
      const int x = std::clamp(record.x + i % 3 - 1, 0, size.width - 1);
      const int y = std::clamp(record.y + i / 3 - 1, 0, size.height - 1);
      record.around[static_cast<std::size_t>(i)] = at(heatmap, size, x, y);
    }
  }
  return record;
}

CellPoint refine_peak(const PeakRecord& record, Size size, Refinement refinement) {
  if (!record.usable) return {};
  switch (refinement) {
    case Refinement::dark: return refine_dark(record);
    case Refinement::quarter: return refine_quarter(record, size);
    case Refinement::none: break;
  }
  return {static_cast<double>(record.x), static_cast<double>(record.y), record.score, true};
}

}  // namespace posekit::inline v0
