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

#include "support/resident.h"

namespace {

constexpr int entries = 100000;

/// Names that differ, names that are in every folder, and one name in all folders.
std::string image(int i, int kind) {
  if (kind == 1) return fmt::format("seq{:04}/frame{:06}.jpg", i / 100, i % 100);
  if (kind == 2) return fmt::format("seq{}/img.jpg", i);
  return fmt::format("folder-{:03}/photo-{:06}.jpg", i / 500, i);
}

std::string detections(int kind) {
  std::string text = "[";
  for (int i = 0; i < entries; ++i) {
    text += fmt::format(R"({}{{"image_id": "elsewhere/{}", "category_id": 1, "bbox": [10.5, 20.25, 100, 200], "score": 0.875}})",
                        i == 0 ? "" : ", ", image(i, kind));
  }
  return text + "]";
}

void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

void match(benchmark::State& state) {
  const auto kind = static_cast<int>(state.range(0));
  const std::string text = detections(kind);
  for (auto _ : state) {
    reset_peak();
    const long before = posekit_test::peak_kilobytes();
    const auto next = [kind, i = 0]() mutable {
      return i < entries ? std::optional<std::filesystem::path>(image(i++, kind)) : std::nullopt;
    };
    const posekit::BoxesFile file(text, "boxes.json", next);
    std::size_t boxes = 0;
    for (int i = 0; i < entries; ++i) boxes += file.boxes(image(i, kind), {640, 480}).size();
    if (boxes != entries) state.SkipWithError("boxes are missing");
    state.counters["MiB"] = static_cast<double>(posekit_test::peak_kilobytes() - before) / 1024;
  }
}

void parse_alone(benchmark::State& state) {
  const std::string text = detections(0);
  for (auto _ : state) benchmark::DoNotOptimize(nlohmann::json::parse(text));
}

BENCHMARK(match)->Name("boxes_file/100000")->DenseRange(0, 2)->Unit(benchmark::kMillisecond);
BENCHMARK(parse_alone)->Name("boxes_file/json")->Unit(benchmark::kMillisecond);

}  // namespace
