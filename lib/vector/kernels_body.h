/// The kernels themselves, included once for each kind of processor, which POSEKIT_KERNELS names.
///
/// Nothing but the C library is used in here: an inline function of the standard library, compiled for AVX2, might be the one copy that the
/// linker keeps for all. Loops are plain where the compiler makes good vector code of them.

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

/// Grey level of a blended value, rounded half up.
inline std::int32_t level_of(float first, float second, const RowBlend& row) {
  return static_cast<std::int32_t>(row.weight_first * first + row.weight_second * second + row.border + 0.5F);
}
inline Ints levels_of(const RowBlend& row, int channel, std::size_t u) {
  const Floats blended =
      row.weight_first * loaded<Floats>(row.first[channel] + u) + row.weight_second * loaded<Floats>(row.second[channel] + u) + row.border;
  return __builtin_convertvector(blended + 0.5F, Ints);
}

void normalize_row(const RowBlend& row, int channel, std::size_t count, const Normalization& normalization, float* out) {
  const auto [mean, mean_rest, factor] = normalization;
  std::size_t u = 0;
  for (; u + width <= count; u += width) {
    const Floats level = __builtin_convertvector(levels_of(row, channel, u), Floats);
    store(((level - mean) - mean_rest) * factor, out + u);
  }
  for (; u < count; ++u) {
    const auto level = static_cast<float>(level_of(row.first[channel][u], row.second[channel][u], row));
    out[u] = ((level - mean) - mean_rest) * factor;
  }
}

void round_row(const RowBlend& row, std::size_t count, std::uint8_t* out) {
  std::size_t u = 0;
  for (; u + width < count; u += width) {  // four bytes are stored for each pixel: the last one's would leave the row
    std::int32_t pixels[width];
    store(levels_of(row, 0, u) | levels_of(row, 1, u) << 8 | levels_of(row, 2, u) << 16, pixels);
    for (std::size_t i = 0; i < width; ++i) std::memcpy(out + 3 * (u + i), &pixels[i], sizeof pixels[i]);
  }
  for (; u < count; ++u) {
    for (int c = 0; c < 3; ++c)
      out[3 * u + static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(level_of(row.first[c][u], row.second[c][u], row));
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
const Kernels kernels{blend_columns, normalize_row, round_row, weighted_sum, first_maximum};

}  // namespace posekit::inline v0::POSEKIT_KERNELS
