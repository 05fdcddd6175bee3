/// The warp beside OpenCV's: the same crop of the same image, on one thread.
#include "preprocess/warp.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <opencv2/imgproc.hpp>
#include <random>
#include <vector>

#include "posekit/geometry.h"

namespace {

using namespace posekit;

/// An image of noise and the crop of a person who fills three quarters of its height.
struct Job {
  Size source;
  std::vector<std::uint8_t> pixels;
  WarpPlan plan;

  Job(Size source_size, Size crop)
      : source(source_size), pixels(static_cast<std::size_t>(source_size.width) * static_cast<std::size_t>(source_size.height) * 3) {
    std::mt19937 random(1);
    for (std::uint8_t& value : pixels) value = static_cast<std::uint8_t>(random());
    const double width = source.width;
    const double height = source.height;
    const Box box{width / 2 - height / 4, height / 8, width / 2 + height / 4, height * 7 / 8};
    plan.size = crop;
    plan.transform = crop_transform(crop_region(box, crop, 1.25), crop, Alignment::udp);
  }

  ImageView view() const {
    return {pixels.data(), source.width, source.height, static_cast<std::size_t>(source.width) * 3, PixelFormat::bgr8};
  }
};

Job job_of(const benchmark::State& state) {
  const auto size = [&](std::size_t i) { return Size{static_cast<int>(state.range(i)), static_cast<int>(state.range(i + 1))}; };
  return {size(2), size(0)};
}

void opencv_warp(benchmark::State& state) {
  const Job job = job_of(state);
  cv::setNumThreads(1);
  const cv::Mat image(job.source.height, job.source.width, CV_8UC3, const_cast<std::uint8_t*>(job.pixels.data()));
  const CropTransform& t = job.plan.transform;
  const cv::Matx23d matrix(t.scale_x, 0, t.offset_x, 0, t.scale_y, t.offset_y);
  cv::Mat crop;
  for (auto _ : state) {
    cv::warpAffine(image, crop, matrix, {job.plan.size.width, job.plan.size.height}, cv::INTER_LINEAR, cv::BORDER_CONSTANT);
    benchmark::DoNotOptimize(crop.data);
  }
}

/// With channel order, normalisation and planes: a CPU model's input.
void posekit_float(benchmark::State& state) {
  const Job job = job_of(state);
  std::vector<float> crop(static_cast<std::size_t>(job.plan.size.width) * static_cast<std::size_t>(job.plan.size.height) * 3);
  WarpScratch scratch;
  for (auto _ : state) {
    warp_rows_normalized(job.view(), job.plan, {123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}, 0, job.plan.size.height, crop.data(),
                         scratch);
    benchmark::DoNotOptimize(crop.data());
  }
}

/// A crop that enlarges its part of the image by hundredths, bilinear or bicubic.
void posekit_enlarging(benchmark::State& state, Interpolation enlarge) {
  const Size crop_size{static_cast<int>(state.range(0)), static_cast<int>(state.range(1))};
  Job job({1280, 1280}, crop_size);
  const double scale = static_cast<double>(state.range(2)) / 100;
  job.plan.transform = {.scale_x = scale, .offset_x = -100.3, .scale_y = scale, .offset_y = -100.3};
  job.plan.enlarge = enlarge;
  std::vector<float> crop(static_cast<std::size_t>(crop_size.width) * static_cast<std::size_t>(crop_size.height) * 3);
  WarpScratch scratch;
  for (auto _ : state) {
    warp_rows_normalized(job.view(), job.plan, {123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}, 0, crop_size.height, crop.data(),
                         scratch);
    benchmark::DoNotOptimize(crop.data());
  }
}

/// A device's input.
void posekit_uint8(benchmark::State& state) {
  const Job job = job_of(state);
  std::vector<std::uint8_t> crop(static_cast<std::size_t>(job.plan.size.width) * static_cast<std::size_t>(job.plan.size.height) * 3);
  WarpScratch scratch;
  for (auto _ : state) {
    warp_rows(job.view(), job.plan, 0, job.plan.size.height, crop.data(), scratch);
    benchmark::DoNotOptimize(crop.data());
  }
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"w", "h", "from_w", "from_h"})->Unit(benchmark::kMicrosecond);
  for (const Size source : {Size{640, 480}, Size{3840, 2160}}) {
    for (const Size crop : {Size{192, 256}, Size{768, 1024}}) bench->Args({crop.width, crop.height, source.width, source.height});
  }
}

void enlarged(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"w", "h", "percent"})->Unit(benchmark::kMicrosecond);
  for (const int percent : {100, 200, 400}) bench->Args({768, 1024, percent});
}

BENCHMARK(opencv_warp)->Apply(sizes);
BENCHMARK(posekit_float)->Apply(sizes);
BENCHMARK(posekit_uint8)->Apply(sizes);
BENCHMARK_CAPTURE(posekit_enlarging, bilinear, Interpolation::bilinear)->Apply(enlarged);
BENCHMARK_CAPTURE(posekit_enlarging, bicubic, Interpolation::bicubic)->Apply(enlarged);

}  // namespace
