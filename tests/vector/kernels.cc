/// The kernels against plain formulas, and those for AVX2 against those for any processor, at every length around their widths.
#include "vector/kernels.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

using namespace posekit;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

struct Kind {
  std::string name;
  const Kernels* kernels;
};

std::vector<Kind> kinds() {
  std::vector<Kind> all{{"baseline", &baseline::kernels}};
#ifdef POSEKIT_AVX2
  if (__builtin_cpu_supports("avx2")) all.push_back({"avx2", &avx2::kernels});
#endif
  return all;
}

template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

std::vector<float> random_floats(std::size_t count, float low, float high, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(low, high);
  std::vector<float> values(count);
  std::ranges::generate(values, [&] { return value(random); });
  return values;
}

/// Two rows of three planes.
struct Rows {
  std::vector<float> first;
  std::vector<float> second;
  std::size_t count;

  Rows(std::size_t length, unsigned seed)
      : first(random_floats(3 * length, 0, 255, seed)), second(random_floats(3 * length, 0, 255, seed + 1)), count(length) {}

  RowBlend blend(float weight) const {
    RowBlend row{{}, {}, 1 - weight, weight, 0};
    for (std::size_t c = 0; c < 3; ++c) {
      row.first[c] = first.data() + c * count;
      row.second[c] = second.data() + c * count;
    }
    return row;
  }

  double exact(std::size_t c, std::size_t u, float weight) const {
    return (1 - static_cast<double>(weight)) * static_cast<double>(first[c * count + u]) +
           static_cast<double>(weight) * static_cast<double>(second[c * count + u]);
  }
};

/// Four rows of three planes.
struct FourRows {
  std::vector<float> values;
  std::size_t count;

  FourRows(std::size_t length, unsigned seed) : values(random_floats(12 * length, 0, 255, seed)), count(length) {}

  CubicBlend blend() const {
    CubicBlend row{{}, {-0.09F, 0.6F, 0.58F, -0.09F}};
    for (std::size_t i = 0; i < 12; ++i) row.rows[i / 3][i % 3] = values.data() + i * count;
    return row;
  }

  double exact(std::size_t c, std::size_t u) const {
    const CubicBlend row = blend();
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += static_cast<double>(row.weights[i]) * static_cast<double>(row.rows[i][c][u]);
    return std::clamp(sum, 0.0, 255.0);
  }
};

/// The first maximum, NaN skipped; the length if there is none.
std::size_t plain_first_maximum(const std::vector<float>& values) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i]) && (!best || values[i] > values[*best])) best = i;
  }
  return best.value_or(values.size());
}

}  // namespace

TEST_CASE("blend_columns interpolates linearly between neighbouring pixels of three bytes and of four") {
  std::mt19937 random(5);
  for (const std::ptrdiff_t pixel : {3, 4}) {
    std::vector<std::uint8_t> source(static_cast<std::size_t>(pixel) * 200 + 1);
    std::ranges::generate(source, [&] { return static_cast<std::uint8_t>(random()); });
    for (std::size_t count = 0; count < 40; ++count) {
      std::vector<std::int32_t> offsets(count);
      std::ranges::generate(offsets, [&] { return static_cast<std::int32_t>(random() % 198 * static_cast<unsigned>(pixel)); });
      const std::vector<float> weights = random_floats(count, 0, 1, 6);
      std::vector<std::vector<float>> results;
      for (const Kind& kind : kinds()) {
        INFO(kind.name << ", " << count << " columns of " << pixel << " bytes");
        std::vector<float> planes(3 * count + 1, -1);
        float* const out[3] = {planes.data(), planes.data() + count, planes.data() + 2 * count};
        kind.kernels->blend_columns(source.data(), {offsets.data(), weights.data(), pixel}, count, out);
        double worst = 0;
        for (std::size_t u = 0; u < count; ++u) {
          for (std::size_t c = 0; c < 3; ++c) {
            const auto at = static_cast<std::size_t>(offsets[u]) + c;
            const auto weight = static_cast<double>(weights[u]);
            const double exact = (1 - weight) * source[at] + weight * source[at + static_cast<std::size_t>(pixel)];
            worst = std::max(worst, std::abs(static_cast<double>(out[c][u]) - exact));
          }
        }
        CHECK(worst < 1e-4);
        CHECK(planes.back() == -1);  // nothing behind the end
        results.push_back(planes);
      }
      CHECK(same_bits<float>(results.front(), results.back()));
    }
  }
}

TEST_CASE("round_row gives the nearest grey level and writes nothing beyond the row") {
  for (std::size_t count = 1; count < 40; ++count) {
    const Rows rows(count, static_cast<unsigned>(count));
    const float weight = 0.37F;
    std::vector<std::vector<std::uint8_t>> results;
    for (const Kind& kind : kinds()) {
      INFO(kind.name << ", " << count << " pixels");
      std::vector<std::uint8_t> out(3 * count + 4, 77);
      kind.kernels->round_row(rows.blend(weight), count, out.data());
      double worst = 0;
      for (std::size_t i = 0; i < 3 * count; ++i) worst = std::max(worst, std::abs(out[i] - rows.exact(i % 3, i / 3, weight)));
      CHECK(worst < 0.5001);
      CHECK(std::all_of(out.end() - 4, out.end(), [](std::uint8_t value) { return value == 77; }));
      results.push_back(out);
    }
    CHECK(results.front() == results.back());
  }
}

TEST_CASE("normalize_row gives (level - mean) / std of the rounded level to the last bits") {
  const double mean = 123.675;
  const double deviation = 58.395;
  const auto rounded = static_cast<float>(mean);
  const Normalization normalization{rounded, static_cast<float>(mean - static_cast<double>(rounded)), static_cast<float>(1 / deviation)};
  for (std::size_t count = 1; count < 40; ++count) {
    const Rows rows(count, static_cast<unsigned>(100 + count));
    std::vector<std::vector<float>> results;
    for (const Kind& kind : kinds()) {
      INFO(kind.name << ", " << count << " pixels");
      std::vector<std::uint8_t> levels(3 * count);
      kind.kernels->round_row(rows.blend(0.61F), count, levels.data());
      std::vector<float> out(count + 1, -99);
      kind.kernels->normalize_row(rows.blend(0.61F), 1, count, normalization, out.data());
      double worst = 0;
      for (std::size_t u = 0; u < count; ++u) {
        const double exact = (levels[3 * u + 1] - mean) / deviation;
        worst = std::max(worst, std::abs(static_cast<double>(out[u]) - exact) / std::abs(exact));
      }
      CHECK(worst < 1e-6);
      CHECK(out.back() == -99);
      results.push_back(out);
    }
    CHECK(same_bits<float>(results.front(), results.back()));
  }
}

TEST_CASE("split_pixels gives each channel of pixels of three bytes and of four, and reads nothing behind them") {
  std::mt19937 random(13);
  for (const std::size_t pixel : {3U, 4U}) {
    for (std::size_t count = 0; count < 40; ++count) {
      std::vector<std::uint8_t> source(pixel * count);
      std::ranges::generate(source, [&] { return static_cast<std::uint8_t>(random()); });
      for (const Kind& kind : kinds()) {
        INFO(kind.name << ", " << count << " pixels of " << pixel << " bytes");
        std::vector<float> planes(3 * count + 1, -1);
        float* const out[3] = {planes.data(), planes.data() + count, planes.data() + 2 * count};
        kind.kernels->split_pixels(source.data(), static_cast<std::ptrdiff_t>(pixel), count, out);
        bool equal = true;
        for (std::size_t i = 0; i < 3 * count; ++i) equal &= planes[i] == static_cast<float>(source[i % count * pixel + i / count]);
        CHECK(equal);
        CHECK(planes.back() == -1);
      }
    }
  }
}

TEST_CASE("cubic_columns sums four neighbours by their weights, columns together or one pixel apart") {
  std::mt19937 random(17);
  for (std::size_t count = 1; count < 40; ++count) {
    const std::size_t length = count + 16;
    const std::vector<float> source = random_floats(3 * length, 0, 255, static_cast<unsigned>(count));
    const float* const planes[3] = {source.data(), source.data() + length, source.data() + 2 * length};
    std::vector<std::int32_t> first(count, 0);
    for (std::size_t u = 1; u < count; ++u) first[u] = first[u - 1] + (count % 3 == 0 ? 1 : static_cast<std::int32_t>(random() % 2));
    const std::vector<float> weights = random_floats(4 * count, -1, 1, 5);
    const CubicColumns columns{first.data(),
                               {weights.data(), weights.data() + count, weights.data() + 2 * count, weights.data() + 3 * count}};
    std::vector<std::vector<float>> results;
    for (const Kind& kind : kinds()) {
      INFO(kind.name << ", " << count << " columns");
      std::vector<float> found(3 * count + 1, -1000);
      float* const out[3] = {found.data(), found.data() + count, found.data() + 2 * count};
      kind.kernels->cubic_columns(planes, columns, count, out);
      double worst = 0;
      for (std::size_t i = 0; i < 3 * count; ++i) {
        double exact = 0;
        for (std::size_t tap = 0; tap < 4; ++tap) {
          exact += static_cast<double>(weights[tap * count + i % count]) *
                   static_cast<double>(planes[i / count][static_cast<std::size_t>(first[i % count]) + tap]);
        }
        worst = std::max(worst, std::abs(static_cast<double>(found[i]) - exact));
      }
      CHECK(worst < 1e-4);
      CHECK(found.back() == -1000);
      results.push_back(found);
    }
    CHECK(same_bits<float>(results.front(), results.back()));
  }
}

TEST_CASE("Rows of a bicubic crop are rounded within 0 and 255, and normalised as they are rounded, alike on every processor") {
  const Normalization normalization{100, 0.25F, 0.5F};
  for (std::size_t count = 1; count < 40; ++count) {
    const FourRows rows(count, static_cast<unsigned>(count));
    std::vector<std::vector<std::uint8_t>> rounded;
    std::vector<std::vector<float>> normalized;
    for (const Kind& kind : kinds()) {
      INFO(kind.name << ", " << count << " pixels");
      std::vector<std::uint8_t> levels(3 * count + 4, 77);
      kind.kernels->round_cubic_row(rows.blend(), count, levels.data());
      double worst = 0;
      for (std::size_t i = 0; i < 3 * count; ++i) worst = std::max(worst, std::abs(levels[i] - rows.exact(i % 3, i / 3)));
      CHECK(worst < 0.5001);
      CHECK(std::all_of(levels.end() - 4, levels.end(), [](std::uint8_t value) { return value == 77; }));
      std::vector<float> out(count + 1, -99);
      kind.kernels->normalize_cubic_row(rows.blend(), 2, count, normalization, out.data());
      bool equal = true;
      for (std::size_t u = 0; u < count; ++u) equal &= out[u] == (static_cast<float>(levels[3 * u + 2]) - 100.25F) * 0.5F;
      CHECK(equal);
      CHECK(out.back() == -99);
      rounded.push_back(levels);
      normalized.push_back(out);
    }
    CHECK(rounded.front() == rounded.back());
    CHECK(same_bits<float>(normalized.front(), normalized.back()));
  }
}

TEST_CASE("weighted_sum adds rows by their weights, alike on every processor") {
  std::mt19937 random(9);
  std::uniform_real_distribution<double> value(-1, 1);
  for (const std::size_t stride : {4U, 8U, 16U}) {
    std::vector<double> rows(stride * 11);
    std::vector<double> weights(11);
    std::ranges::generate(rows, [&] { return value(random); });
    std::ranges::generate(weights, [&] { return value(random); });
    std::vector<std::vector<double>> results;
    for (const Kind& kind : kinds()) {
      std::vector<double> out(stride);
      kind.kernels->weighted_sum(rows.data(), stride, weights.data(), 11, out.data());
      for (std::size_t x = 0; x < stride; ++x) {
        long double exact = 0;
        for (std::size_t i = 0; i < 11; ++i) exact += static_cast<long double>(weights[i]) * static_cast<long double>(rows[i * stride + x]);
        CHECK(std::abs(out[x] - static_cast<double>(exact)) < 1e-14);
      }
      results.push_back(out);
    }
    CHECK(same_bits<double>(results.front(), results.back()));
  }
}

TEST_CASE("first_maximum finds the first of equal maxima at any place and length, NaN and infinities among them") {
  std::mt19937 random(11);
  for (const std::size_t count : {1U, 2U, 31U, 32U, 33U, 64U, 1000U, 2048U, 2049U, 5000U}) {
    for (int round = 0; round < 60; ++round) {
      std::vector<float> values = random_floats(count, -1, 1, static_cast<unsigned>(random()));
      // Few different values, so that maxima come several times.
      if (round % 3 == 0) std::ranges::transform(values, values.begin(), [](float v) { return std::floor(v * 3); });
      if (round % 4 == 0) std::ranges::transform(values, values.begin(), [&](float v) { return random() % 5 == 0 ? not_a_number : v; });
      if (round % 10 == 1) std::ranges::fill(values, -infinity);
      if (round % 10 == 2) std::ranges::fill(values, not_a_number);
      if (round % 10 == 3) values[random() % count] = infinity;
      if (round % 10 == 4)
        std::ranges::transform(values, values.begin(), [&](float) { return random() % 2 == 0 ? not_a_number : -infinity; });
      if (round % 10 == 5) std::ranges::transform(values, values.begin(), [&](float) { return random() % 2 == 0 ? -0.0F : 0.0F; });
      const std::size_t expected = plain_first_maximum(values);
      for (const Kind& kind : kinds()) {
        INFO(kind.name << ", " << count << " values, round " << round);
        CHECK(kind.kernels->first_maximum(values.data(), count) == expected);
      }
    }
  }
}

TEST_CASE("The kernels that run are the best that this processor has") { CHECK(&kernels() == kinds().back().kernels); }
