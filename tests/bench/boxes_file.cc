/// A boxes file of 100,000 entries, matched to 100,000 images, beside parsing its text alone.
#include "posekit/boxes_file.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace {

constexpr int entries = 100000;

std::string image(int i) { return fmt::format("folder-{:03}/photo-{:06}.jpg", i / 500, i); }

std::string detections() {
  std::string text = "[";
  for (int i = 0; i < entries; ++i) {
    text += fmt::format(R"({}{{"image_id": "elsewhere/{}", "category_id": 1, "bbox": [10.5, 20.25, 100, 200], "score": 0.875}})",
                        i == 0 ? "" : ", ", image(i));
  }
  return text + "]";
}

/// The most memory that this process has had, in MiB.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    double kib = 0;
    status >> kib;
    return kib / 1024;
  }
  return 0;
}

void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

void match(benchmark::State& state) {
  const std::string text = detections();
  for (auto _ : state) {
    reset_peak();
    const double before = peak_mib();
    const auto next = [i = 0]() mutable { return i < entries ? std::optional<std::filesystem::path>(image(i++)) : std::nullopt; };
    const posekit::BoxesFile file(text, "boxes.json", next);
    std::size_t boxes = 0;
    for (int i = 0; i < entries; ++i) boxes += file.boxes(image(i), {640, 480}).size();
    if (boxes != entries) state.SkipWithError("boxes are missing");
    state.counters["MiB"] = peak_mib() - before;
  }
}

void parse_alone(benchmark::State& state) {
  const std::string text = detections();
  for (auto _ : state) benchmark::DoNotOptimize(nlohmann::json::parse(text));
}

BENCHMARK(match)->Name("boxes_file/100000")->Unit(benchmark::kMillisecond);
BENCHMARK(parse_alone)->Name("boxes_file/json")->Unit(benchmark::kMillisecond);

}  // namespace
