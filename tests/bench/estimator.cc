/// estimate() around a model that does nothing, beside the bare parts of its work.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "codec/decode.h"
#include "estimator/estimator_access.h"
#include "preprocess/warp.h"

namespace {

using namespace posekit;

constexpr std::size_t keypoints = 17;
constexpr Size heatmap{48, 64};
constexpr Size crop{192, 256};

ModelInfo info() {
  ModelInfo info;
  info.input.width = crop.width;
  info.input.height = crop.height;
  info.output = {.codec = Codec::udp_heatmap, .width = heatmap.width, .height = heatmap.height};
  info.keypoints.keypoints.resize(keypoints);
  return info;
}

/// Answers at once, with peaks that lie ready.
class ReadyBackend final : public ModelBackend {
 public:
  ReadyBackend() {
    for (std::size_t k = 0; k < keypoints; ++k) (*heatmaps_)[k * 48 * 64 + 48 * 30 + 20 + k] = 0.9F;
  }
  const ModelInfo& info() const noexcept override { return info_; }
  const std::string& device() const noexcept override { return device_; }
  CropFormat crop_format() const noexcept override { return CropFormat::float_chw; }
  ModelOutput run(const CropBatch&, const RunControl&) override {
    ModelOutput output;
    output.tensors.push_back({.data = heatmaps_->data(), .shape = {1, keypoints, 64, 48}, .rank = 4});
    output.owner = heatmaps_;
    return output;
  }

 private:
  ModelInfo info_ = ::info();
  std::string device_ = "cpu";
  std::shared_ptr<std::vector<float>> heatmaps_ = std::make_shared<std::vector<float>>(keypoints * 48 * 64, 0.01F);
};

const Box person{200, 60, 440, 420};

Image picture() { return {std::vector<std::uint8_t>(std::size_t{640} * 480 * 3, 90), 640, 480, PixelFormat::bgr8}; }

void estimate_one_person(benchmark::State& state) {
  EstimatorOptions options;
  if (state.range(0) > 0) options.executor = std::make_shared<ThreadPool>(static_cast<std::size_t>(state.range(0)));
  const PoseEstimator estimator = EstimatorAccess::make(std::make_shared<ReadyBackend>(), options);
  const Image image = picture();
  for (auto _ : state) benchmark::DoNotOptimize(estimator.estimate(image.view(), {&person, 1}));
}

void bare_parts(benchmark::State& state) {
  const Image image = picture();
  ReadyBackend model;
  std::vector<std::size_t> channels(keypoints);
  for (std::size_t k = 0; k < keypoints; ++k) channels[k] = k;
  const Decoder decoder(model.info(), channels);
  DecodeScratch decode_scratch;
  WarpScratch warp_scratch;
  std::vector<float> input(std::size_t{192} * 256 * 3);
  WarpPlan plan;
  plan.transform = crop_transform(crop_region(person, crop, 1.25), crop, Alignment::udp);
  plan.size = crop;
  for (auto _ : state) {
    warp_rows_normalized(image.view(), plan, model.info().input.mean, model.info().input.std, 0, crop.height, input.data(), warp_scratch);
    benchmark::DoNotOptimize(input.data());
    const ModelOutput output = model.run({}, {});
    for (std::size_t k = 0; k < keypoints; ++k) {
      benchmark::DoNotOptimize(plan.transform.inverse(decoder.to_input(decoder.decode_cell(output, 0, k, decode_scratch))));
    }
  }
}

BENCHMARK(bare_parts)->Unit(benchmark::kMicrosecond);
BENCHMARK(estimate_one_person)->ArgName("pool")->Arg(0)->Arg(2)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
