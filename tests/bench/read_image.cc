/// Reading a JPEG photo, beside OpenCV's decoder alone.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>
#include <span>
#include <string>

#include "posekit/image_io.h"
#include "support/paths.h"

namespace {

std::string photo() {
  std::ifstream file(posekit_test::source_dir() / "examples/images/people.jpg", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void read_jpeg(benchmark::State& state) {
  const std::string file = photo();
  for (auto _ : state) benchmark::DoNotOptimize(posekit::decode_image(std::as_bytes(std::span(file)), "people.jpg"));
}

void opencv_jpeg(benchmark::State& state) {
  const std::string file = photo();
  const std::vector<char> bytes(file.begin(), file.end());
  for (auto _ : state) benchmark::DoNotOptimize(cv::imdecode(bytes, cv::IMREAD_COLOR));
}

BENCHMARK(read_jpeg)->Unit(benchmark::kMicrosecond);
BENCHMARK(opencv_jpeg)->Unit(benchmark::kMicrosecond);

}  // namespace
