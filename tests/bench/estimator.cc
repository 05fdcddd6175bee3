/// estimate() around a model that does nothing, beside the bare parts of its work.
#include "posekit/estimator.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backend/model_backend.h"
#include "codec/decode.h"
#include "posekit/model.h"
#include "preprocess/staging.h"
#include "preprocess/warp.h"
#include "support/ready_device.h"

namespace {

using namespace posekit;

constexpr std::size_t keypoints = 17;
constexpr Size heatmap{48, 64};
constexpr Size crop_size{192, 256};

ModelInfo info() {
  ModelInfo info;
  info.input.width = crop_size.width;
  info.input.height = crop_size.height;
  info.output = HeatmapOutput{.size = heatmap};
  info.pose().keypoints.keypoints.resize(keypoints);
  return info;
}

constexpr std::size_t crowd = 16;

/// Answers at once, with peaks that lie ready.
class ReadyBackend final : public ModelBackend {
 public:
  ReadyBackend() {
    for (std::size_t k = 0; k < crowd * keypoints; ++k) (*heatmaps_)[k * 48 * 64 + 48 * 30 + 20 + k % keypoints] = 0.9F;
  }
  const ModelInfo& info() const noexcept override { return info_; }
  std::span<const Device> devices() const noexcept override { return {&device_, 1}; }
  CropFormat crop_format() const noexcept override { return CropFormat::float_chw; }
  std::unique_ptr<BatchSession> open_session(const DecodeRequest&) override { return std::make_unique<Session>(*this); }
  void release_cached() noexcept override {}
  std::unique_ptr<MemoryMeter> memory() override { return nullptr; }

  ModelOutput output(std::size_t crops) const {
    ModelOutput output;
    output.tensors.push_back({.data = heatmaps_->data(), .shape = {crops, keypoints, 64, 48}, .rank = 4});
    output.owner = heatmaps_;
    return output;
  }

 private:
  class Session final : public BatchSession {
   public:
    explicit Session(const ReadyBackend& backend) : backend_(backend) {}
    std::size_t slot_count() const noexcept override { return 1; }
    std::byte* staging(std::size_t, std::size_t crops) override {
      memory_.resize(std::max(memory_.size(), crops * crop_bytes(CropFormat::float_chw, crop_size)));
      return memory_.data();
    }
    void submit(std::size_t, std::size_t crops, const RunControl&) override { crops_ = crops; }
    BatchResult collect(std::size_t) override { return {.peaks = {}, .output = backend_.output(crops_)}; }

   private:
    const ReadyBackend& backend_;
    std::vector<std::byte> memory_;
    std::size_t crops_ = 0;
  };

  ModelInfo info_ = ::info();
  Device device_;
  std::shared_ptr<std::vector<float>> heatmaps_ = std::make_shared<std::vector<float>>(crowd * keypoints * 48 * 64, 0.01F);
};

const Box person{200, 60, 440, 420};

Image picture() { return {std::vector<std::uint8_t>(std::size_t{640} * 480 * 3, 90), 640, 480, PixelFormat::bgr8}; }

/// @param state its first argument: threads of the pool, 0: serial
void estimate(benchmark::State& state, std::size_t persons) {
  EstimatorOptions options;
  options.max_batch = crowd;
  if (state.range(0) > 0) options.executor = std::make_shared<ThreadPool>(static_cast<std::size_t>(state.range(0)));
  const PoseEstimator estimator(Model(std::make_shared<ReadyBackend>()), options);
  const Image image = picture();
  const std::vector<Box> boxes(persons, person);
  for (auto _ : state) benchmark::DoNotOptimize(estimator.estimate(image.view(), boxes));
}

void estimate_one_person(benchmark::State& state) { estimate(state, 1); }
void estimate_crowd(benchmark::State& state) { estimate(state, crowd); }
void estimate_10000_boxes(benchmark::State& state) { estimate(state, 10000); }

void bare_parts(benchmark::State& state) {
  const Image image = picture();
  const ReadyBackend model;
  const Decoder decoder(model.info(), make_decode_request(model.info()));
  DecodeScratch decode_scratch;
  WarpScratch warp_scratch;
  std::vector<float> input(std::size_t{192} * 256 * 3);
  WarpPlan plan;
  plan.transform = crop_transform(crop_region(person, crop_size, 1.25), crop_size, Alignment::udp);
  plan.size = crop_size;
  for (auto _ : state) {
    warp_rows_normalized(image.view(), plan, model.info().input.mean, model.info().input.std, 0, crop_size.height, input.data(),
                         warp_scratch);
    benchmark::DoNotOptimize(input.data());
    const ModelOutput output = model.output(1);
    for (std::size_t k = 0; k < keypoints; ++k) {
      benchmark::DoNotOptimize(plan.transform.inverse(decoder.to_input(decoder.decode_cell(output, 0, k, decode_scratch))));
    }
  }
}

/// A device of Sapiens' shape that answers at once: what is left is the host's part of its work.
std::shared_ptr<ModelBackend> ready_device() {
  ModelInfo info;
  info.input.width = 768;
  info.input.height = 1024;
  info.output = HeatmapOutput{.size = {192, 256}, .blur_kernel = 17};
  info.pose().keypoints.keypoints.resize(308);
  PeakRecord peak{.score = 0.9F, .x = 90, .y = 100, .usable = true};
  peak.around = {0.80F, 0.85F, 0.79F, 0.86F, 0.90F, 0.84F, 0.81F, 0.83F, 0.78F};
  return std::make_shared<posekit_test::ReadyDevice>(std::move(info), peak);
}

/// @param state its arguments: threads of the pool, 0: serial; width and height of the photo
void host_part_of_a_batch(benchmark::State& state) {
  EstimatorOptions options;
  options.max_batch = crowd;
  if (state.range(0) > 0) options.executor = std::make_shared<ThreadPool>(static_cast<std::size_t>(state.range(0)));
  const PoseEstimator estimator(Model(ready_device()), options);
  const auto width = static_cast<int>(state.range(1));
  const auto height = static_cast<int>(state.range(2));
  const Image image{std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 90), width, height,
                    PixelFormat::bgr8};
  const Box box{width * 0.3, height * 0.1, width * 0.7, height * 0.9};
  const std::vector<Box> boxes(crowd, box);
  for (auto _ : state) benchmark::DoNotOptimize(estimator.estimate(image.view(), boxes));
}

BENCHMARK(host_part_of_a_batch)
    ->ArgNames({"pool", "from_w", "from_h"})
    ->Args({0, 640, 480})
    ->Args({2, 640, 480})
    ->Args({0, 3840, 2160})
    ->Args({2, 3840, 2160})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(bare_parts)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(estimate_one_person)->ArgName("pool")->Arg(0)->Arg(2)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(estimate_crowd)->ArgName("pool")->Arg(0)->Arg(2)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(estimate_10000_boxes)->ArgName("pool")->Arg(0)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
