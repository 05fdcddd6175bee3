/// The backend's reduction of heatmaps to records, beside the codec's on the host: every float type and layout, strange channels among
/// them.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "codec/decode.h"
#include "codec/flip.h"
#include "codec/peak.h"
#include "support/test_device.h"
#include "support/torch_internals.h"

using namespace posekit;
using posekit_test::HeatmapLayout;
using posekit_test::HeatmapType;

namespace {

#ifdef POSEKIT_SOAK
constexpr std::size_t channels_of_each_kind = 20000;
#else
constexpr std::size_t channels_of_each_kind = 1400;
#endif
constexpr double cells = 1e-6;     // between the two ways to one position
constexpr double relative = 4e-7;  // of a blurred value: three roundings to float
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

ModelInfo info_of(const HeatmapOutput& output, std::size_t channels) {
  ModelInfo info;
  info.output = output;
  info.pose().keypoints.keypoints.resize(channels);
  for (std::size_t k = 0; k < channels; ++k) info.pose().keypoints.keypoints[k].swap = k ^ 1U;  // pairs
  return info;
}

std::vector<std::size_t> all_of(std::size_t count) {
  std::vector<std::size_t> channels(count);
  for (std::size_t k = 0; k < count; ++k) channels[k] = k;
  return channels;
}

/// A blob of a strength between far too weak and far too strong, at a place that may lie outside, and then something strange.
void fill(std::span<float> map, Size size, std::mt19937& random) {
  std::uniform_real_distribution<double> unit(0, 1);
  const auto below = [&](std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random); };
  const bool weak = unit(random) < 0.4;
  const double height = std::pow(10.0, weak ? -3.1 + 1.2 * unit(random) : -3.2 + 5.2 * unit(random));
  const double noise = unit(random) < 0.5 ? 0 : 0.01 * height;
  const double sigma = 0.5 + 4 * unit(random);
  const double x0 = -2 + (size.width + 3) * unit(random);
  const double y0 = -2 + (size.height + 3) * unit(random);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const double near = std::exp(-((x - x0) * (x - x0) + (y - y0) * (y - y0)) / (2 * sigma * sigma));
      map[static_cast<std::size_t>(y * size.width + x)] = static_cast<float>(height * near + noise * (unit(random) - 0.5));
    }
  }
  const std::size_t strange = below(24);
  const auto peak = static_cast<std::size_t>(std::max_element(map.begin(), map.end()) - map.begin());
  const auto near_peak = [&] { return std::min(map.size() - 1, peak + below(5) + static_cast<std::size_t>(size.width) * below(5)); };
  switch (strange) {
    case 0: map[below(map.size())] = nan; break;
    case 1: map[near_peak()] = nan; break;
    case 2: map[below(map.size())] = infinity; break;
    case 3: map[below(map.size())] = -infinity; break;
    case 4: map[near_peak()] = -infinity; break;
    case 5: std::ranges::fill(map, nan); break;
    case 6: std::ranges::fill(map, -infinity); break;
    case 7: std::ranges::fill(map, static_cast<float>(height)); break;
    case 8: std::ranges::fill(map, 0.0F); break;
    case 9: map[below(map.size())] = map[peak]; break;  // a tie
    case 10: {                                          // ties, and NaN before and between
      for (int i = 0; i < 4; ++i) map[below(map.size())] = map[peak];
      map[0] = nan;
      break;
    }
    case 11:
      for (float& value : map) value = -value - 1e-3F;
      break;
    case 12:  // NaN everywhere but in one cell
      std::fill(map.begin(), map.end(), nan);
      map[below(map.size())] = 0.5F;
      break;
    case 13:  // weak, with a strong negative pit beside the peak
      for (float& value : map) value *= static_cast<float>(0.002 / height);
      map[near_peak()] = -3;
      break;
    default: break;
  }
}

bool close(float one, float other) {
  if (std::isnan(one) || std::isnan(other)) return std::isnan(one) == std::isnan(other);
  if (one == other) return true;
  return std::abs(static_cast<double>(one) - static_cast<double>(other)) <= relative * std::abs(static_cast<double>(other)) + 1e-9;
}

/// What differs; nothing: they agree. The blurred maximum is a sum in another order, all else is exact.
std::string difference(const PeakRecord& found, const PeakRecord& expected) {
  if (found.usable != expected.usable) return "usable";
  if (found.x != expected.x || found.y != expected.y) return "place";
  if (found.score != expected.score) return "score";
  if (found.around != expected.around) return "around";
  if (!close(found.blurred_max, expected.blurred_max)) return "blurred maximum";
  return {};
}

/// Batches of strange channels through both ways. @return channels compared
std::size_t compare(const ModelInfo& info, const DecodeRequest& request, HeatmapType type, HeatmapLayout layout, std::size_t batch,
                    std::mt19937& random, std::size_t& second_looks) {
  const Size size = std::get<HeatmapOutput>(info.output).size;
  const auto map_size = static_cast<std::size_t>(size.width * size.height);
  const std::size_t channels = info.pose().keypoints.size();
  std::vector<float> values(batch * channels * map_size);
  for (std::size_t c = 0; c < batch * channels; ++c) fill(std::span(values).subspan(c * map_size, map_size), size, random);
  values = posekit_test::rounded(values, type);
  const auto found =
      posekit_test::torch_peaks(posekit_test::test_device(), info, request, {values, batch, type, layout}, {}, &second_looks);

  const Decoder decoder(info, request);
  DecodeScratch scratch;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::size_t channel = i / request.channels.size() * channels + request.channels[i % request.channels.size()];
    const auto map = std::span<const float>(values).subspan(channel * map_size, map_size);
    const PeakRecord expected = reduce_peak(map, size, std::get<HeatmapOutput>(info.output).refinement, request.kernel, scratch);
    const CellPoint here = decoder.refine_cell(found[i]);
    const CellPoint there = decoder.refine_cell(expected);
    const bool same_point = here.usable == there.usable && here.score == there.score && std::abs(here.x - there.x) <= cells &&
                            std::abs(here.y - there.y) <= cells;
    if (difference(found[i], expected).empty() && same_point) continue;
    ++wrong;
    CAPTURE(i, difference(found[i], expected), found[i].score, expected.score, found[i].x, expected.x, found[i].y, expected.y, here.x,
            there.x, here.y, there.y, found[i].blurred_max, expected.blurred_max, found[i].around, expected.around);
    CHECK(wrong == 0);
    if (wrong > 3) break;
  }
  return found.size();
}

}  // namespace

TEST_CASE("The backend's reduction gives the codec's records for strange channels of every type, layout and refinement") {
  POSEKIT_NEEDS_TEST_DEVICE();
  std::size_t compared = 0;
  std::size_t second_looks = 0;
  unsigned seed = 1;
  for (const HeatmapType type : {HeatmapType::float32, HeatmapType::float16, HeatmapType::bfloat16, HeatmapType::float64}) {
    for (const HeatmapLayout layout : {HeatmapLayout::contiguous, HeatmapLayout::channels_last, HeatmapLayout::strided}) {
      for (const auto& [refinement, kernel] : std::vector<std::pair<Refinement, int>>{
               {Refinement::dark, 11}, {Refinement::dark, 5}, {Refinement::dark, 17}, {Refinement::quarter, 11}, {Refinement::none, 11}}) {
        for (const Size size : {Size{48, 64}, Size{12, 9}}) {
          std::mt19937 random(seed++);
          constexpr std::size_t channels = 70;
          const ModelInfo info = info_of({.size = size, .udp = false, .refinement = refinement, .blur_kernel = kernel}, channels);
          for (std::size_t done = 0; done < channels_of_each_kind;) {
            const std::size_t batch = 1 + random() % 3;
            std::vector<std::size_t> wanted = all_of(channels);
            if (random() % 2 == 0) {
              std::shuffle(wanted.begin(), wanted.end(), random);
              wanted.resize(1 + random() % channels);
            }
            done += compare(info, make_decode_request(info, wanted, /*flip_test=*/false), type, layout, batch, random, second_looks);
            compared += wanted.size() * batch;
          }
        }
      }
    }
  }
  CHECK(compared >= 100000);
  CHECK(second_looks > compared / 100);
  CHECK(second_looks < compared / 2);
}

TEST_CASE("A network's usual channels are decided in one pass") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const Size size{48, 64};
  const ModelInfo info = info_of({.size = size, .udp = true, .refinement = Refinement::dark, .blur_kernel = 11}, 100);
  std::vector<float> values(100 * 48 * 64);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = static_cast<double>(i % 48) - 20.3;
    const double y = static_cast<double>(i / 48 % 64) - 30.8;
    values[i] = static_cast<float>(0.8 * std::exp(-(x * x + y * y) / 8));
  }
  std::size_t second_looks = 0;
  const Decoder decoder(info, make_decode_request(info));
  const auto found = posekit_test::torch_peaks(posekit_test::test_device(), info, decoder.request(), {values}, {}, &second_looks);
  CHECK(second_looks == 0);
  for (const PeakRecord& record : found) {
    CHECK(std::abs(decoder.refine_cell(record).x - 20.3) < 0.01);
    CHECK(std::abs(decoder.refine_cell(record).y - 30.8) < 0.01);
  }
}

TEST_CASE("The flip test on the backend is the codec's: mirrored back, swapped, shifted, averaged") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const bool udp = GENERATE(true, false);
  const bool flip_shift = !udp && GENERATE(true, false);
  const Size size{20, 24};
  constexpr std::size_t channels = 40;
  constexpr std::size_t batch = 2;
  const std::size_t map_size = 20 * 24;
  const ModelInfo info =
      info_of({.size = size, .udp = udp, .refinement = Refinement::dark, .blur_kernel = 5, .flip_shift = flip_shift}, channels);
  for (const HeatmapType type : {HeatmapType::float32, HeatmapType::bfloat16}) {
    std::mt19937 random(7);
    std::vector<float> plain(batch * channels * map_size);
    std::vector<float> mirrored(plain.size());
    for (std::size_t c = 0; c < batch * channels; ++c) {
      fill(std::span(plain).subspan(c * map_size, map_size), size, random);
      fill(std::span(mirrored).subspan(c * map_size, map_size), size, random);
    }
    plain = posekit_test::rounded(plain, type);
    mirrored = posekit_test::rounded(mirrored, type);
    const std::vector<std::size_t> wanted{3, 2, 17, 30};
    const Decoder decoder(info, make_decode_request(info, wanted, /*flip_test=*/true));
    const auto found = posekit_test::torch_peaks(posekit_test::test_device(), info, decoder.request(), {plain, batch, type}, mirrored);
    const auto output = [&](const std::vector<float>& values) {
      return ModelOutput{{{.data = values.data(), .shape = {batch, channels, 24, 20}, .rank = 4}}, nullptr};
    };
    const ModelOutput mean = average_flipped(info, output(plain), output(mirrored), wanted);
    DecodeScratch scratch;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const CellPoint expected = decoder.decode_cell(mean, i / wanted.size(), i % wanted.size(), scratch);
      const CellPoint here = decoder.refine_cell(found[i]);
      CHECK(here.usable == expected.usable);
      CHECK(here.score == expected.score);
      CHECK(std::abs(here.x - expected.x) <= cells);
      CHECK(std::abs(here.y - expected.y) <= cells);
    }
  }
}
