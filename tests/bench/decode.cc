/// Decoding heatmaps beside a bare scan for the maximum of the same floats.
#include "codec/decode.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "posekit/model_info.h"

namespace {

using namespace posekit;

constexpr std::size_t persons = 4;  // rotated, so that small heatmaps do not stay in the nearest cache

/// Heatmaps [persons, K, h, w]: a Gaussian of sigma 2 somewhere, with a little noise.
std::vector<float> heatmaps(std::size_t channels, int width, int height) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> noise(0, 0.01F);
  std::vector<float> values;
  values.reserve(persons * channels * static_cast<std::size_t>(width * height));
  for (std::size_t k = 0; k < persons * channels; ++k) {
    const double cx = std::uniform_real_distribution<double>(8, width - 9)(random);
    const double cy = std::uniform_real_distribution<double>(8, height - 9)(random);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const double squared = (x - cx) * (x - cx) + (y - cy) * (y - cy);
        values.push_back(static_cast<float>(0.9 * std::exp(-squared / 8)) + noise(random));
      }
    }
  }
  return values;
}

/// The largest value, in lanes that a compiler turns into vectors: as fast as memory is read.
float bare_maximum(const float* values, std::size_t count) {
  std::array<float, 32> lanes;
  std::copy_n(values, lanes.size(), lanes.begin());
  for (std::size_t i = 0; i + lanes.size() <= count; i += lanes.size()) {
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) lanes[lane] = values[i + lane] > lanes[lane] ? values[i + lane] : lanes[lane];
  }
  return *std::ranges::max_element(lanes);
}

struct Shape {
  std::size_t channels;
  int width;
  int height;

  explicit Shape(const benchmark::State& state)
      : channels(static_cast<std::size_t>(state.range(0))),
        width(static_cast<int>(state.range(1))),
        height(static_cast<int>(state.range(2))) {}
  std::size_t cells() const { return static_cast<std::size_t>(width * height); }
};

void maximum_scan(benchmark::State& state) {
  const Shape shape(state);
  const std::vector<float> values = heatmaps(shape.channels, shape.width, shape.height);
  std::size_t person = 0;
  for (auto _ : state) {
    const float* mine = values.data() + person * shape.channels * shape.cells();
    for (std::size_t k = 0; k < shape.channels; ++k) benchmark::DoNotOptimize(bare_maximum(mine + k * shape.cells(), shape.cells()));
    person = (person + 1) % persons;
  }
}

void udp_decode(benchmark::State& state) {
  const Shape shape(state);
  const std::vector<float> values = heatmaps(shape.channels, shape.width, shape.height);
  ModelInfo info;
  info.input.width = shape.width * 4;
  info.input.height = shape.height * 4;
  info.output = HeatmapOutput{.size = {shape.width, shape.height}};
  std::vector<std::size_t> channels(shape.channels);
  for (std::size_t k = 0; k < channels.size(); ++k) channels[k] = k;
  const Decoder decoder(info, make_decode_request(info, channels, /*flip_test=*/false));
  ModelOutput output;
  output.tensors.push_back(
      {.data = values.data(),
       .shape = {persons, shape.channels, static_cast<std::size_t>(shape.height), static_cast<std::size_t>(shape.width)},
       .rank = 4});
  DecodeScratch scratch;
  std::size_t person = 0;
  for (auto _ : state) {
    for (std::size_t k = 0; k < shape.channels; ++k) {
      benchmark::DoNotOptimize(decoder.to_input(decoder.decode_cell(output, person, k, scratch)));
    }
    person = (person + 1) % persons;
  }
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"K", "w", "h"})->Unit(benchmark::kMicrosecond)->Args({17, 48, 64})->Args({308, 192, 256});
}

BENCHMARK(maximum_scan)->Apply(shapes);
BENCHMARK(udp_decode)->Apply(shapes);

}  // namespace
