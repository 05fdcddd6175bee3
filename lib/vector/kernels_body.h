/// The kernels themselves, included once for each kind of processor, which POSEKIT_KERNELS names.
///
/// Nothing but the C library is used in here: an inline function of the standard library, compiled for AVX2, might be the one copy that the
/// linker keeps for all. Loops are plain where the compiler makes good vector code of them.

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <cstring>
#include <limits>

#include "vector/kernels.h"

namespace posekit::inline v0::POSEKIT_KERNELS {
namespace {

#ifdef __AVX2__
constexpr std::size_t width = 8;
#else
constexpr std::size_t width = 4;
#endif
using Ints = std::int32_t __attribute__((vector_size(4 * width)));
using Floats = float __attribute__((vector_size(4 * width)));
using Doubles = double __attribute__((vector_size(4 * width)));

inline std::int32_t four_bytes(const std::uint8_t* source) {
  std::int32_t bytes;
  std::memcpy(&bytes, source, sizeof bytes);
  return bytes;
}

/// The four bytes at each of the next offsets.
inline Ints gathered(const std::uint8_t* source, const std::int32_t* offsets) {
  const auto at = [&](std::size_t i) { return four_bytes(source + offsets[i]); };
#ifdef __AVX2__
  return Ints{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
#else
  return Ints{at(0), at(1), at(2), at(3)};
#endif
}

/// One byte of each lane, the lowest first.
inline Floats byte_of(Ints bytes, int index) { return __builtin_convertvector((bytes >> (8 * index)) & 0xff, Floats); }

template <class Vector, class Element>
inline Vector loaded(const Element* from) {
  Vector values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

template <class Vector, class Element>
inline void store(const Vector& values, Element* to) {
  std::memcpy(to, &values, sizeof values);
}

void blend_columns(const std::uint8_t* source, const ColumnTaps& taps, std::size_t count, float* const out[3]) {
  const std::uint8_t* neighbour = source + taps.pixel_bytes;
  std::size_t u = 0;
  for (; u + width <= count; u += width) {
    const Ints first = gathered(source, taps.offsets + u);
    const Ints second = gathered(neighbour, taps.offsets + u);
    const auto weight = loaded<Floats>(taps.weights + u);
    for (int c = 0; c < 3; ++c) {
      const Floats from = byte_of(first, c);
      store(from + weight * (byte_of(second, c) - from), out[c] + u);
    }
  }
  for (; u < count; ++u) {
    for (int c = 0; c < 3; ++c) {
      const auto from = static_cast<float>(source[taps.offsets[u] + c]);
      out[c][u] = from + taps.weights[u] * (static_cast<float>(neighbour[taps.offsets[u] + c]) - from);
    }
  }
}

/// Values that are not NaN, kept between two others.
inline Floats within(const Floats& values, const Floats& least, const Floats& most) {
#ifdef __AVX2__
  return Floats(_mm256_min_ps(_mm256_max_ps(__m256(values), __m256(least)), __m256(most)));
#else
  const Floats above = values < least ? least : values;
  return above > most ? most : above;
#endif
}

/// One channel of a row to be blended. It has no pointer to the row's description, which any store might change.
struct TwoRows {
  TwoRows(const RowBlend& row, int channel)
      : first(row.first[channel]),
        second(row.second[channel]),
        weight_first(row.weight_first),
        weight_second(row.weight_second),
        border(row.border) {}

  /// Grey level, rounded half up.
  std::int32_t level(std::size_t u) const {
    return static_cast<std::int32_t>(weight_first * first[u] + weight_second * second[u] + border + 0.5F);
  }
  Ints levels(std::size_t u) const {
    const Floats blended = weight_first * loaded<Floats>(first + u) + weight_second * loaded<Floats>(second + u) + border;
    return __builtin_convertvector(blended + 0.5F, Ints);
  }

  const float* first;
  const float* second;
  float weight_first, weight_second, border;
};

struct FourRows {
  FourRows(const CubicBlend& row, int channel)
      : rows{row.rows[0][channel], row.rows[1][channel], row.rows[2][channel], row.rows[3][channel]},
        weights{row.weights[0], row.weights[1], row.weights[2], row.weights[3]} {}

  std::int32_t level(std::size_t u) const {
    const float value = weights[0] * rows[0][u] + weights[1] * rows[1][u] + weights[2] * rows[2][u] + weights[3] * rows[3][u] + 0.5F;
    return static_cast<std::int32_t>(value < 0 ? 0 : value > 255.5F ? 255.5F : value);
  }
  Ints levels(std::size_t u) const {
    const Floats value = weights[0] * loaded<Floats>(rows[0] + u) + weights[1] * loaded<Floats>(rows[1] + u) +
                         weights[2] * loaded<Floats>(rows[2] + u) + weights[3] * loaded<Floats>(rows[3] + u) + 0.5F;
    return __builtin_convertvector(within(value, Floats{}, Floats{} + 255.5F), Ints);
  }

  const float* rows[4];
  float weights[4];
};

template <class Rows, class Blend>
void normalize(const Blend& blend, int channel, std::size_t count, const Normalization& normalization, float* out) {
  const auto [mean, mean_rest, factor] = normalization;
  const Rows rows(blend, channel);
  std::size_t u = 0;
  for (; u + width <= count; u += width) {
    const Floats level = __builtin_convertvector(rows.levels(u), Floats);
    store(((level - mean) - mean_rest) * factor, out + u);
  }
  for (; u < count; ++u) out[u] = ((static_cast<float>(rows.level(u)) - mean) - mean_rest) * factor;
}

template <class Rows, class Blend>
void round(const Blend& blend, std::size_t count, std::uint8_t* out) {
  const Rows rows[3]{{blend, 0}, {blend, 1}, {blend, 2}};
  std::size_t u = 0;
  for (; u + width < count; u += width) {  // four bytes are stored for each pixel: the last one's would leave the row
    std::int32_t pixels[width];
    store(rows[0].levels(u) | rows[1].levels(u) << 8 | rows[2].levels(u) << 16, pixels);
    for (std::size_t i = 0; i < width; ++i) std::memcpy(out + 3 * (u + i), &pixels[i], sizeof pixels[i]);
  }
  for (; u < count; ++u) {
    for (std::size_t c = 0; c < 3; ++c) out[3 * u + c] = static_cast<std::uint8_t>(rows[c].level(u));
  }
}

/// The next pixels of three or four bytes, four bytes to each. Reads up to four bytes beyond them.
inline Ints pixels_at(const std::uint8_t* source, std::ptrdiff_t pixel_bytes) {
  if (pixel_bytes == 4) return loaded<Ints>(source);
#ifdef __AVX2__
  const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(loaded<__m128i>(source)), loaded<__m128i>(source + 12), 1);
  const __m256i spread = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1));
  return Ints(_mm256_shuffle_epi8(bytes, spread));
#else
  return Ints{four_bytes(source), four_bytes(source + 3), four_bytes(source + 6), four_bytes(source + 9)};
#endif
}

void split_pixels(const std::uint8_t* source, std::ptrdiff_t pixel_bytes, std::size_t count, float* const out[3]) {
  std::size_t u = 0;
  for (; u + width + 2 <= count; u += width) {  // what is read beyond is of the next two pixels
    const Ints pixels = pixels_at(source + static_cast<std::ptrdiff_t>(u) * pixel_bytes, pixel_bytes);
    for (int c = 0; c < 3; ++c) store(byte_of(pixels, c), out[c] + u);
  }
  for (; u < count; ++u) {
    for (int c = 0; c < 3; ++c) out[c][u] = static_cast<float>(source[static_cast<std::ptrdiff_t>(u) * pixel_bytes + c]);
  }
}

/// Where four columns in a row, or twice four, begin, and where each of them is behind its four's begin: 0 to 3.
struct Fours {
  explicit Fours(const std::int32_t* first) : begin(first[0]) {
#ifdef __AVX2__
    second_begin = first[4];
    shifts = loaded<Ints>(first) - Ints{begin, begin, begin, begin, second_begin, second_begin, second_begin, second_begin};
#else
    shifts = loaded<Ints>(first) - begin;
#endif
  }

  /// The columns' values in a row.
  Floats of(const float* row) const {
#ifdef __AVX2__
    const __m256 values = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row + begin)), _mm_loadu_ps(row + second_begin), 1);
    return Floats(_mm256_permutevar_ps(values, __m256i(shifts)));
#else
    row += begin;
    return Floats{row[shifts[0]], row[shifts[1]], row[shifts[2]], row[shifts[3]]};
#endif
  }

  Ints shifts;
  std::int32_t begin;
#ifdef __AVX2__
  std::int32_t second_begin;
#endif
};

void cubic_columns(const float* const source[3], const CubicColumns& columns, std::size_t count, float* const out[3]) {
  const auto [first, weights] = columns;
  std::size_t u = 0;
  for (; u + width <= count; u += width) {
    const Fours fours(first + u);
    const auto w0 = loaded<Floats>(weights[0] + u);
    const auto w1 = loaded<Floats>(weights[1] + u);
    const auto w2 = loaded<Floats>(weights[2] + u);
    const auto w3 = loaded<Floats>(weights[3] + u);
    for (int c = 0; c < 3; ++c) {
      const float* from = source[c];
      store(w0 * fours.of(from) + w1 * fours.of(from + 1) + w2 * fours.of(from + 2) + w3 * fours.of(from + 3), out[c] + u);
    }
  }
  for (; u < count; ++u) {
    for (int c = 0; c < 3; ++c) {
      const float* from = source[c] + first[u];
      out[c][u] = weights[0][u] * from[0] + weights[1][u] * from[1] + weights[2][u] * from[2] + weights[3][u] * from[3];
    }
  }
}

void weighted_sum(const double* rows, std::size_t stride, const double* weights, std::size_t count, double* out) {
  for (std::size_t x = 0; x < stride; x += width / 2) {
    Doubles sum{};
    for (std::size_t i = 0; i < count; ++i) sum += weights[i] * loaded<Doubles>(rows + i * stride + x);
    store(sum, out + x);
  }
}

constexpr std::size_t lanes = 32;
constexpr std::size_t block = 64 * lanes;  // stays in the nearest cache for the second look

inline float larger(float value, float best) { return value > best ? value : best; }  // NaN is never larger

/// The largest of `count` values and `least`.
inline float maximum(const float* values, std::size_t count, float least) {
  float best[lanes];
  for (float& lane : best) lane = least;
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) best[lane] = larger(values[i + lane], best[lane]);
  }
  for (; i < count; ++i) best[0] = larger(values[i], best[0]);
  for (std::size_t half = lanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) best[lane] = larger(best[lane + half], best[lane]);
  }
  return best[0];
}

/// Index of the first of `count` values that equals `value`; count if none does.
inline std::size_t first_equal(const float* values, std::size_t count, float value) {
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    int found = 0;
    for (std::size_t lane = 0; lane < lanes; ++lane) found |= values[i + lane] == value ? 1 : 0;
    if (found != 0) break;
  }
  while (i < count && !(values[i] == value)) ++i;
  return i;
}

std::size_t first_maximum(const float* values, std::size_t count) {
  float best = -std::numeric_limits<float>::infinity();
  std::size_t from = 0;  // the block with the maximum; the first one if all are -infinity or NaN
  for (std::size_t begin = 0; begin < count; begin += block) {
    const float largest = maximum(values + begin, count - begin < block ? count - begin : block, best);
    if (!(largest > best)) continue;
    best = largest;
    from = begin;
  }
  return from + first_equal(values + from, count - from, best);
}

}  // namespace

extern const Kernels kernels;
const Kernels kernels{blend_columns, normalize<TwoRows, RowBlend>,    round<TwoRows, RowBlend>,    split_pixels,
                      cubic_columns, normalize<FourRows, CubicBlend>, round<FourRows, CubicBlend>, weighted_sum,
                      first_maximum};

}  // namespace posekit::inline v0::POSEKIT_KERNELS
