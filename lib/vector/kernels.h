/// The inner loops that are worth wide registers, compiled for any x86-64 and for AVX2 and chosen at run time; elsewhere once.
///
/// Both do the same operations in the same order, none contracted, so their results are bit-equal.
#pragma once

#include <cstddef>
#include <cstdint>

namespace posekit::inline v0 {

/// Columns that lie between two neighbouring pixels of a row each.
struct ColumnTaps {
  const std::int32_t* offsets;  ///< Of the left pixel, in bytes.
  const float* weights;         ///< Of the right pixel.
  std::ptrdiff_t pixel_bytes;   ///< 3 or 4
};

/// Two rows of three planes each, to be blended into one: weight_first * first + weight_second * second + border.
struct RowBlend {
  const float* first[3];
  const float* second[3];
  float weight_first;
  float weight_second;
  float border;
};

/// Columns of a row of floats that each lie among four neighbours, in rising order, none more than one behind the last.
struct CubicColumns {
  const std::int32_t* first;  ///< Index of the first of the four.
  const float* weights[4];
};

/// Four rows of three planes each, to be summed with their weights and kept within grey levels 0..255.
struct CubicBlend {
  const float* rows[4][3];
  float weights[4];
};

/// (value - mean) / std of one channel. What a float loses of the mean is taken off apart, so that values close to it are exact too.
struct Normalization {
  float mean;
  float mean_rest;
  float factor;  ///< 1 / std
};

struct Kernels {
  /// Blends a row of pixels along x. Reads four bytes of each pixel, one more than pixels of three have.
  /// @param out of the pixel's first three channels
  void (*blend_columns)(const std::uint8_t* source, const ColumnTaps& taps, std::size_t count, float* const out[3]);
  /// One channel of a blended row, rounded to grey levels (half up) and normalised.
  void (*normalize_row)(const RowBlend& row, int channel, std::size_t count, const Normalization& normalization, float* out);
  /// A blended row, rounded to grey levels (half up), interleaved.
  void (*round_row)(const RowBlend& row, std::size_t count, std::uint8_t* out);
  /// Pixels of three or four bytes that follow each other, as floats. @param out of the pixel's first three channels
  void (*split_pixels)(const std::uint8_t* source, std::ptrdiff_t pixel_bytes, std::size_t count, float* const out[3]);
  /// A row's planes, blended along x. Reads three values beyond the last column's four.
  void (*cubic_columns)(const float* const source[3], const CubicColumns& columns, std::size_t count, float* const out[3]);
  /// As normalize_row and round_row.
  void (*normalize_cubic_row)(const CubicBlend& row, int channel, std::size_t count, const Normalization& normalization, float* out);
  void (*round_cubic_row)(const CubicBlend& row, std::size_t count, std::uint8_t* out);
  /// Sum of `count` rows, each times its weight. @param stride values of a row, a multiple of 4
  void (*weighted_sum)(const double* rows, std::size_t stride, const double* weights, std::size_t count, double* out);
  /// Index of the first maximum, NaN skipped; count if there is nothing else.
  std::size_t (*first_maximum)(const float* values, std::size_t count);
};

/// The best that this processor can run.
[[nodiscard]] const Kernels& kernels() noexcept;

namespace baseline {
extern const Kernels kernels;
}
#ifdef POSEKIT_AVX2
namespace avx2 {
extern const Kernels kernels;
}
#endif

}  // namespace posekit::inline v0
