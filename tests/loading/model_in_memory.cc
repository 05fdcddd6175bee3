/// Models in the caller's memory: the same as from a file, without one.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "model/sha256.h"
#include "posekit/detector.h"
#include "posekit/estimator.h"
#include "support/model_builder.h"
#include "support/paths.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

std::vector<std::byte> bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

fs::path shipped(const char* name) { return posekit_test::source_dir() / "examples/models" / name; }

/// A picture with all grey levels in it.
Image ramp() {
  Image image{std::vector<std::uint8_t>(200 * 150 * 3), 200, 150, PixelFormat::bgr8};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 7 % 256);
  return image;
}

struct Verdict {
  ErrorCode code = ErrorCode::ok;
  std::string message;
};

template <class Source>
Verdict verdict(const Source& source, const ModelOptions& options = {}) {
  try {
    const Model model(source, options);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

/// A model of one Gaussian-free heatmap each for two keypoints.
std::vector<std::byte> small_model(const fs::path& path, bool with_metadata) {
  const std::string set = R"({"name": "two", "keypoints": [{"name": "left_eye", "swap": 1}, {"name": "right_eye", "swap": 0}]})";
  posekit_test::save_script_model(path, "def forward(self, x):\n    return x[:, 0:2, 0:4, 0:4] * 2.0\n",
                                  with_metadata ? posekit_test::pose_metadata("heatmap", 16, 16, 4, 4, set) : "");
  return bytes_of(path);
}

}  // namespace

TEST_CASE("A pose model from memory gives its file's results after the bytes are freed") {
  const fs::path path = shipped("pose_landmark_lite.pt");
  std::vector<std::byte> bytes = bytes_of(path);
  const PoseEstimator from_memory{Model(bytes)};
  std::fill(bytes.begin(), bytes.end(), std::byte{0x5a});
  bytes = {};
  const PoseEstimator from_file(path);
  const Image image = ramp();
  const std::vector<Box> boxes{{20, 10, 120, 140}, {-10, 0, 60, 90}};
  const auto result = from_memory.estimate(image.view(), boxes);
  REQUIRE(result.poses.size() == 2);
  CHECK(result.poses == from_file.estimate(image.view(), boxes).poses);
  CHECK(to_json(from_memory.info()) == to_json(from_file.info()));
}

TEST_CASE("A detector from memory gives its file's results") {
  const fs::path path = shipped("person_detector.pt");
  DetectorOptions options;
  options.score_threshold = 1e-3;
  const PersonDetector from_memory(Model(bytes_of(path)), options);
  const Image image = ramp();
  const auto boxes = from_memory.detect(image.view());
  CHECK_FALSE(boxes.empty());
  CHECK(boxes == PersonDetector(path, options).detect(image.view()));
}

TEST_CASE("A model from memory takes its metadata from the archive or the options") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  const auto bare = small_model(path, false);
  const auto document =
      posekit_test::pose_metadata("heatmap", 16, 16, 4, 4, R"({"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]})");
  std::ofstream(dir.path() / "m.pt.posekit.json") << document;
  CHECK(verdict(path).code == ErrorCode::ok);
  const Verdict without = verdict(bare);
  CHECK(without.code == ErrorCode::invalid_model);
  CHECK_THAT(without.message, ContainsSubstring("the model in memory") && !ContainsSubstring("beside"));
  ModelOptions options;
  options.metadata = MetadataDocument{document};
  CHECK(verdict(bare, options).code == ErrorCode::ok);
}

TEST_CASE("A model from memory is checked against the options' checksum") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  const auto bytes = small_model(path, true);
  ModelOptions options;
  options.sha256 = sha256_of(path);
  CHECK(verdict(bytes, options).code == ErrorCode::ok);
  options.sha256 = std::string(64, '0');
  const Verdict wrong = verdict(bytes, options);
  CHECK(wrong.code == ErrorCode::invalid_model);
  CHECK_THAT(wrong.message, ContainsSubstring("the model in memory has sha256 " + sha256_of(path)));
}

TEST_CASE("Truncated bytes give the error of a truncated file") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  const auto sound = small_model(path, true);
  const std::string named = "\"" + path.string() + "\"";
  for (std::size_t size = 0; size < sound.size(); size += sound.size() / 24 + 1) {
    const std::vector<std::byte> bytes(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(size));
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    Verdict file = verdict(path);
    const Verdict memory = verdict(bytes);
    CHECK(file.code != ErrorCode::ok);
    CHECK(memory.code == file.code);
    if (const auto at = file.message.find(named); at != std::string::npos) file.message.replace(at, named.size(), "the model in memory");
    CHECK(memory.message == file.message);
  }
}

TEST_CASE("A wrong byte anywhere in a model raises no error but the model's own") {
  const posekit_test::TemporaryDir dir;
  const auto sound = small_model(dir.path() / "m.pt", true);
  int failed = 0;
  for (std::size_t at = 0; at < sound.size(); at += sound.size() / 40 + 1) {
    auto broken = sound;
    broken[at] ^= std::byte{0xff};
    // Which of these it is may change from call to call: Torch reads what a broken entry has left unwritten.
    const Verdict found = verdict(broken);
    INFO("byte " << at << ": " << found.message);
    CHECK((found.code == ErrorCode::ok || found.code == ErrorCode::invalid_model || found.code == ErrorCode::unsupported_model ||
           found.code == ErrorCode::out_of_memory));
    failed += found.code != ErrorCode::ok ? 1 : 0;
  }
  CHECK(failed > 0);
}
