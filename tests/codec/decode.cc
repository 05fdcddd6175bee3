/// Decoder: every codec's way to input pixels, and only the wanted channels.
#include "codec/decode.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <vector>

using namespace posekit;
using Catch::Approx;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

HeatmapOutput heatmaps(bool udp) { return {.size = {48, 64}, .udp = udp, .refinement = Refinement::none}; }

ModelInfo info_of(const OutputInfo& output, Alignment alignment) {
  ModelInfo info;
  info.input.width = 192;
  info.input.height = 256;
  info.output = output;
  info.pose().alignment = alignment;
  return info;
}

Decoder decoder_of(const ModelInfo& info, std::vector<std::size_t> channels) {
  return {info, make_decode_request(info, std::move(channels), /*flip_test=*/false)};
}

}  // namespace

TEST_CASE("udp maps the last cell to the last input pixel, classic by the ratio of the sizes") {
  const CellPoint last{47, 63, 1, true};
  const Point udp = decoder_of(info_of(heatmaps(true), Alignment::udp), {0}).to_input(last);
  CHECK(udp.x == Approx(191));
  CHECK(udp.y == Approx(255));
  const Point classic = decoder_of(info_of(heatmaps(false), Alignment::classic), {0}).to_input(last);
  CHECK(classic.x == Approx(188));
  CHECK(classic.y == Approx(252));
}

TEST_CASE("Decoding reads only the wanted ones of 308 channels") {
  const std::size_t cells = 48 * 64;
  std::vector<float> values(308 * cells, nan);
  for (const std::size_t k : {7U, 250U}) {
    std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(k * cells), cells, 0.0F);
    values[k * cells + 10 * 48 + k % 48] = 1;
  }
  const ModelOutput output{{{.data = values.data(), .shape = {1, 308, 64, 48}, .rank = 4}}, nullptr};
  const Decoder decoder = decoder_of(info_of(heatmaps(false), Alignment::classic), {250, 7});
  DecodeScratch scratch;
  REQUIRE(decoder.request().channels.size() == 2);
  CHECK(decoder.decode_cell(output, 0, 0, scratch).x == 250 % 48);
  CHECK(decoder.decode_cell(output, 0, 1, scratch).x == 7);
}

TEST_CASE("simcc gives the first maximum of each axis, or the box centre where no score is positive") {
  const ModelInfo info = info_of(SimccOutput{.split_ratio = 2}, Alignment::classic);
  std::vector<float> x(3 * 384, 0.0F);
  std::vector<float> y(3 * 512, 0.0F);
  x[100] = 0.9F;
  x[101] = 0.9F;
  y[333] = 0.4F;
  x[384 + 5] = -1;  // channel 1: nothing positive
  y[512 + 7] = 1;
  x[2 * 384] = nan;  // channel 2: NaN is skipped
  x[2 * 384 + 9] = 0.5F;
  y[2 * 512 + 11] = 0.6F;
  const ModelOutput output{{{.data = x.data(), .shape = {1, 3, 384}, .rank = 3}, {.data = y.data(), .shape = {1, 3, 512}, .rank = 3}},
                           nullptr};
  const Decoder decoder = decoder_of(info, {0, 1, 2});
  DecodeScratch scratch;
  const CellPoint first = decoder.decode_cell(output, 0, 0, scratch);
  CHECK(first.score == 0.4F);
  CHECK(decoder.to_input(first) == Point{50, 166.5});
  CHECK_FALSE(decoder.decode_cell(output, 0, 1, scratch).usable);
  CHECK(decoder.to_input(decoder.decode_cell(output, 0, 2, scratch)) == Point{4.5, 5.5});
}

TEST_CASE("regression gives each person's values, in pixels or 0..1, with a score or without") {
  ModelInfo info = info_of(RegressionOutput{}, Alignment::classic);
  const std::vector<float> pixels{0, 0, 0, 0, 10, 20, 30, 40};
  const ModelOutput plain{{{.data = pixels.data(), .shape = {2, 2, 2}, .rank = 3}}, nullptr};
  DecodeScratch scratch;
  const CellPoint point = decoder_of(info, {1}).decode_cell(plain, 1, 0, scratch);
  CHECK(point.x == 30);
  CHECK(point.y == 40);
  CHECK(point.score == 1);
  info.output = RegressionOutput{.normalized = true};
  const std::vector<float> shares{0.5F, 0.25F, 0.7F};
  const ModelOutput normalized{{{.data = shares.data(), .shape = {1, 1, 3}, .rank = 3}}, nullptr};
  const CellPoint share = decoder_of(info, {0}).decode_cell(normalized, 0, 0, scratch);
  CHECK(share.x == 96);
  CHECK(share.y == 64);
  CHECK(share.score == 0.7F);
}
