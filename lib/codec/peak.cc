/// Reduce and refine: from one channel's heatmap to one record, and from the record to a position.
///
/// DARK: Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020, in the form of UDP (Huang et
/// al., CVPR 2020). The record holds what a blur of the whole map would give around the peak: see docs/models.md, "What is computed".
#include "codec/peak.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codec/dark.h"
#include "vector/kernels.h"

namespace posekit::inline v0 {
namespace {

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

/// Values of a row of a patch of `side` cells: a multiple of what the vector kernels want.
std::size_t stride_of(std::size_t side) { return (side + 3) / 4 * 4; }

/// The cells around a peak, row by row, zeros for what is outside the map; and one more row for what is made of them.
class Patch {
 public:
  Patch(int reach, std::vector<double>& memory)
      : side_(static_cast<std::size_t>(2 * reach + 1)), stride_(stride_of(side_)), reach_(reach), memory_(memory) {
    memory_.assign((side_ + 1) * stride_, 0.0);
  }

  /// Copies the cells around (px, py) of a map. @return whether all are finite
  bool take(std::span<const float> map, Size size, int px, int py) { return take_from(map, size.width, {0, 0}, size, px, py); }
  /// The same where only they are known, with something else where they are outside of the map.
  bool take_known(std::span<const float> cells, Size size, int px, int py) {
    return take_from(cells, static_cast<int>(side_), {px - reach_, py - reach_}, size, px, py);
  }

  /// The blurred values of the 3x3 cells in the middle. The kernel is two shorter than the patch.
  std::array<double, 9> blur_middle(std::span<const double> kernel) {
    std::array<double, 9> middle{};
    double* columns = memory_.data() + side_ * stride_;
    for (std::size_t dy = 0; dy < 3; ++dy) {
      kernels().weighted_sum(memory_.data() + dy * stride_, stride_, kernel.data(), kernel.size(), columns);
      double left = 0;
      double here = 0;
      double right = 0;
      for (std::size_t i = 0; i < kernel.size(); ++i) {
        left += kernel[i] * columns[i];
        here += kernel[i] * columns[i + 1];
        right += kernel[i] * columns[i + 2];
      }
      middle[3 * dy] = left;
      middle[3 * dy + 1] = here;
      middle[3 * dy + 2] = right;
    }
    return middle;
  }

 private:
  struct Cell {
    int x;
    int y;
  };

  /// @param cells in rows of `row` cells, the first of them at `origin` of the map
  bool take_from(std::span<const float> cells, int row, Cell origin, Size size, int px, int py) {
    const int first = std::max(0, px - reach_);
    const int count = std::min(size.width - 1, px + reach_) - first + 1;
    double not_finite = 0;  // value - value is 0 for finite values, else NaN
    for (int y = std::max(0, py - reach_); y <= std::min(size.height - 1, py + reach_); ++y) {
      const float* from = cells.data() + static_cast<std::ptrdiff_t>(y - origin.y) * row + (first - origin.x);
      double* to = memory_.data() + static_cast<std::size_t>(y - py + reach_) * stride_ + (first - px + reach_);
      for (int i = 0; i < count; ++i) {
        to[i] = static_cast<double>(from[i]);
        not_finite += to[i] - to[i];
      }
    }
    return not_finite == 0;
  }

  std::size_t side_;
  std::size_t stride_;
  int reach_;
  std::vector<double>& memory_;
};

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
std::array<float, 9> blur_around(Size size, int px, int py, std::span<const double> kernel, Patch& patch) {
  const std::array<double, 9> middle = patch.blur_middle(kernel);
  std::array<float, 9> around;
  for (int i = 0; i < 9; ++i) {
    const int x = std::clamp(px + i % 3 - 1, 0, size.width - 1) - px + 1;
    const int y = std::clamp(py + i / 3 - 1, 0, size.height - 1) - py + 1;
    around[static_cast<std::size_t>(i)] = static_cast<float>(middle[static_cast<std::size_t>(3 * y + x)]);
  }
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

/// What the blurred cells around the peak say. @return whether the answer does not depend on the maximum of the whole blurred channel
bool decided_by_patch(Size size, std::span<const double> kernel, Patch& patch, PeakRecord& record) {
  if (!(record.score >= static_cast<float>(dark_lowest))) return true;  // everything is clipped: the integer peak is the answer
  record.around = blur_around(size, record.x, record.y, kernel, patch);
  return record.score <= static_cast<float>(dark_highest) &&
         std::ranges::all_of(record.around, [](float value) { return value >= static_cast<float>(dark_lowest); });
}

/// @return whether the values within the kernel's reach of the peak are finite
bool reduce_dark(std::span<const float> heatmap, Size size, std::span<const double> kernel, DecodeScratch& scratch, PeakRecord& record) {
  Patch patch(peak_reach(Refinement::dark, kernel.size()), scratch.patch);
  if (!patch.take(heatmap, size, record.x, record.y)) return false;
  if (!decided_by_patch(size, kernel, patch, record)) record.blurred_max = blurred_maximum(heatmap, size, kernel, scratch.blurred);
  return true;
}

/// @return whether the values within one cell of the peak are finite
bool reduce_quarter(std::span<const float> heatmap, Size size, PeakRecord& record) {
  if (!finite_around(heatmap, size, record.x, record.y, 1)) return false;
  for (int i = 0; i < 9; ++i) {
    const int x = std::clamp(record.x + i % 3 - 1, 0, size.width - 1);
    const int y = std::clamp(record.y + i / 3 - 1, 0, size.height - 1);
    record.around[static_cast<std::size_t>(i)] = at(heatmap, size, x, y);
  }
  return true;
}

CellPoint refine_dark(const PeakRecord& record) {
  CellPoint point{static_cast<double>(record.x), static_cast<double>(record.y), record.score, true};
  const double scale = std::isnan(record.blurred_max) ? 1 : static_cast<double>(record.score) / static_cast<double>(record.blurred_max);
  if (!(record.score >= static_cast<float>(dark_lowest)) || !(scale > 0) || !std::isfinite(scale)) return point;

  std::array<double, 9> f;
  std::ranges::transform(record.around, f.begin(),
                         [&](float value) { return std::log(std::clamp(scale * static_cast<double>(value), dark_lowest, dark_highest)); });
  const double dx = (f[5] - f[3]) / 2;
  const double dy = (f[7] - f[1]) / 2;
  const double dxx = f[5] - 2 * f[4] + f[3] + dark_diagonal;
  const double dyy = f[7] - 2 * f[4] + f[1] + dark_diagonal;
  const double dxy = (f[8] - f[5] - f[7] + 2 * f[4] - f[3] - f[1] + f[0]) / 2;
  const double determinant = dxx * dyy - dxy * dxy;
  if (!(dxx < 0 && determinant > 0)) return point;

  const double offset_x = -(dyy * dx - dxy * dy) / determinant;
  const double offset_y = -(dxx * dy - dxy * dx) / determinant;
  if (!(std::hypot(offset_x, offset_y) <= dark_longest_offset)) return point;
  point.x += offset_x;
  point.y += offset_y;
  return point;
}

/// The record of a peak before anything around it was read.
PeakRecord record_at(std::size_t peak, float score, Size size) {
  PeakRecord record;
  record.x = static_cast<std::int32_t>(peak % static_cast<std::size_t>(size.width));
  record.y = static_cast<std::int32_t>(peak / static_cast<std::size_t>(size.width));
  record.score = score;
  return record;
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

int peak_reach(Refinement refinement, std::size_t kernel_size) noexcept {
  switch (refinement) {
    case Refinement::dark: return dark_reach(static_cast<int>(kernel_size));
    case Refinement::quarter: return 1;
    case Refinement::none: break;
  }
  return 0;
}

void DecodeScratch::reserve(std::size_t kernel_size) {
  const std::size_t side = kernel_size + 2;
  patch.reserve((side + 1) * stride_of(side));
}

PeakRecord reduce_peak(std::span<const float> heatmap, Size size, Refinement refinement, std::span<const double> kernel,
                       DecodeScratch& scratch) {
  const std::size_t peak = kernels().first_maximum(heatmap.data(), heatmap.size());
  if (peak == heatmap.size()) return {};
  PeakRecord record = record_at(peak, heatmap[peak], size);
  switch (refinement) {
    case Refinement::dark: record.usable = reduce_dark(heatmap, size, kernel, scratch, record); break;
    case Refinement::quarter: record.usable = reduce_quarter(heatmap, size, record); break;
    case Refinement::none: record.usable = std::isfinite(record.score); break;
  }
  return record.usable ? record : PeakRecord{};
}

bool reduce_patch(std::size_t peak, std::span<const float> patch, Size size, Refinement refinement, std::span<const double> kernel,
                  DecodeScratch& scratch, PeakRecord& record) {
  record = record_at(peak, patch[patch.size() / 2], size);
  if (std::isnan(record.score)) return false;  // the maximum is another cell
  bool decided = true;
  switch (refinement) {
    case Refinement::dark: {
      Patch cells(peak_reach(refinement, kernel.size()), scratch.patch);
      record.usable = cells.take_known(patch, size, record.x, record.y);
      decided = !record.usable || decided_by_patch(size, kernel, cells, record);
      break;
    }
    case Refinement::quarter: {
      record.usable = std::ranges::all_of(patch, [](float value) { return std::isfinite(value); });
      std::ranges::copy(patch, record.around.begin());
      break;
    }
    case Refinement::none: record.usable = std::isfinite(record.score); break;
  }
  if (!record.usable) record = {};
  return decided;
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
