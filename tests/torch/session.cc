/// Sessions of the TorchScript backend: what a device does, on the CPU and, in the program of the label gpu, on a CUDA device.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "posekit/estimator.h"
#include "support/at_once.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/test_device.h"
#include "support/two_ways.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::Album;
using posekit_test::at_once;
using posekit_test::farthest;
using posekit_test::on_cpu;
using posekit_test::on_test_device;
using posekit_test::pose_metadata;
using posekit_test::save_echo;
using posekit_test::save_script_model;
using posekit_test::two_eyes;

namespace {

double between_the_two_ways(const std::filesystem::path& model, EstimatorOptions options, double score_margin = 1e-5) {
  const Album album;
  const auto expected = PoseEstimator(Model(on_cpu(model)), options).estimate_batch(album.input);
  const PoseEstimator by_sessions(Model(on_test_device(model)), options);
  const double first = farthest(by_sessions.estimate_batch(album.input), expected, score_margin);
  return std::max(first, farthest(by_sessions.estimate_batch(album.input), expected, score_margin));  // and once warm
}

}  // namespace

TEST_CASE("Heatmaps reduced on the device give the CPU's poses, flip test and subsets included") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const std::string alignment = GENERATE("udp", "classic");
  const bool flip_test = GENERATE(false, true);
  const std::size_t max_batch = GENERATE(std::size_t{1}, std::size_t{4});
  const posekit_test::TemporaryDir dir;
  const std::string six = R"({"name": "six", "keypoints": [{"name": "a", "swap": 1}, {"name": "b", "swap": 0}, {"name": "c", "swap": 2},
      {"name": "d", "swap": 4}, {"name": "e", "swap": 3}, {"name": "f", "swap": 5}]})";
  save_script_model(dir.path() / "m.pt", posekit_test::analytic_heatmap_forward(96, 128, 24, 32, alignment),
                    pose_metadata(alignment == "udp" ? "udp_heatmap" : "heatmap", 96, 128, 24, 32, six));
  EstimatorOptions options;
  options.max_batch = max_batch;
  options.flip_test = flip_test;
  CHECK(between_the_two_ways(dir.path() / "m.pt", options) < 1e-2);
  options.keypoints = {"e", "a"};
  CHECK(between_the_two_ways(dir.path() / "m.pt", options) < 1e-2);
}

TEST_CASE("A real network's poses on device and CPU agree within a thousandth of a heatmap cell") {
  POSEKIT_NEEDS_TEST_DEVICE();
  EstimatorOptions options;
  options.max_batch = 3;
  const double cell = 128 * 1.25 / 64;  // pixels of the picture, about
  // The device normalises in float, the CPU's way a little more exactly.
  CHECK(between_the_two_ways(posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt", options, 1e-3) < 5e-2 * cell);
}

TEST_CASE("simcc and regression outputs decode as on the CPU, flip test included") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const bool flip_test = GENERATE(false, true);
  const posekit_test::TemporaryDir dir;
  EstimatorOptions options;
  options.flip_test = flip_test;
  options.max_batch = 4;
  save_script_model(dir.path() / "s.pt",
                    "def forward(self, x):\n    return x[:, 0:2, 3, :].repeat([1, 1, 2]) * 1.5 + x[:, 0:2, 9, :].repeat([1, 1, 2]), "
                    "x[:, 0:2, :, 5].repeat([1, 1, 2])\n",
                    pose_metadata("simcc", 16, 16, 0, 0, two_eyes));
  CHECK(between_the_two_ways(dir.path() / "s.pt", options) < 1e-3);
  save_script_model(dir.path() / "r.pt", "def forward(self, x):\n    return x[:, 0:2, 4, 0:3] * 16.0\n",
                    pose_metadata("regression", 16, 16, 0, 0, two_eyes));
  CHECK(between_the_two_ways(dir.path() / "r.pt", options, 1e-3) < 1e-2);
}

TEST_CASE("Weak channels and channels with NaN take a second pass and end as on the CPU") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const std::string expression =
      GENERATE("return x[:, 0:2] * 0.002", "y = x[:, 0:2] * 1.0\n    y[:, :, 15, 15] = float('nan')\n    return y",
               "return x[:, 0:2] / (x[:, 0:2] > 0.3).float() * (x[:, 0:2] > 0.3).float()", "return torch.log(x[:, 0:2] - 0.5)",
               "return x[:, 0:2] * 100.0", "return x[:, 0:2] * 0.0");
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", expression);
  EstimatorOptions options;
  options.max_batch = 3;
  CHECK(between_the_two_ways(dir.path() / "m.pt", options, 1e-4) < 1e-2);
}

TEST_CASE("A network in channels-last, in another type, or that writes to its input is read as it is") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const std::string expression =
      GENERATE("return x[:, 0:2].contiguous(memory_format=2)", "return x[:, 0:2].half().float()", "return x[:, 0:2].double()",
               "x.mul_(0.5)\n    return x[:, 0:2]", "return x[:, 0:2].permute([0, 1, 3, 2])");
  const bool flip_test = GENERATE(false, true);
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", expression);
  EstimatorOptions options;
  options.max_batch = 3;
  options.flip_test = flip_test;
  CHECK(between_the_two_ways(dir.path() / "m.pt", options, 1e-4) < 1e-2);
}

TEST_CASE("A slot's staging memory is reused, and grows only for a larger batch") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  const auto backend = on_test_device(dir.path() / "m.pt");
  const auto session = backend->open_session(make_decode_request(backend->info()));
  std::byte* const first = session->staging(0, 4);
  for (const std::size_t crops : {std::size_t{4}, std::size_t{1}, std::size_t{3}}) {
    CHECK(session->staging(0, crops) == first);
    std::fill_n(first, crops * 16 * 16 * 3, std::byte{100});
    session->submit(0, crops, {});
    const BatchResult answer = session->collect(0);
    REQUIRE(answer.peaks.size() == 2 * crops);
    CHECK(answer.peaks[0].score == 100.0F / 255);
    CHECK(answer.peaks[0].x == 0);  // all cells tie: the first
  }
  CHECK(session->staging(1, 1) != first);
}

TEST_CASE("A batch that fails in a session fails alone, and both slots stay usable") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "assert x.size(0) != 3, 'three'\n    return x[:, 0:2]");
  const auto backend = on_test_device(dir.path() / "m.pt");
  const auto session = backend->open_session(make_decode_request(backend->info()));
  const auto fill = [&](std::size_t slot, std::size_t crops, int grey) {
    std::fill_n(session->staging(slot, crops), crops * 16 * 16 * 3, static_cast<std::byte>(grey));
  };
  fill(0, 2, 50);
  session->submit(0, 2, {});
  fill(1, 3, 60);
  CHECK_THROWS_WITH(session->submit(1, 3, {}), ContainsSubstring("three"));
  CHECK(session->collect(0).peaks[0].score == 50.0F / 255);
  fill(1, 1, 70);
  session->submit(1, 1, {});
  CHECK(session->collect(1).peaks[0].score == 70.0F / 255);
}

TEST_CASE("A caller that leaves answers unread holds up no other caller") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  const auto backend = on_test_device(dir.path() / "m.pt");
  const DecodeRequest request = make_decode_request(backend->info());
  const auto idle = backend->open_session(request);
  const auto other = backend->open_session(request);
  const RunControl soon{.stop = {}, .deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20)};
  const auto send = [&](BatchSession& session, std::size_t slot, int grey) {
    std::fill_n(session.staging(slot, 1), 16 * 16 * 3, static_cast<std::byte>(grey));
    session.submit(slot, 1, soon);
  };
  send(*idle, 0, 1);
  send(*idle, 1, 2);
  for (int grey = 3; grey < 9; grey += 2) {
    send(*other, 0, grey);
    send(*other, 1, grey + 1);
    CHECK(other->collect(0).peaks[0].score == static_cast<float>(grey) / 255);
    CHECK(other->collect(1).peaks[0].score == static_cast<float>(grey + 1) / 255);
  }
  CHECK(idle->collect(0).peaks[0].score == 1.0F / 255);
  CHECK(idle->collect(1).peaks[0].score == 2.0F / 255);
}

TEST_CASE("Concurrent callers of one backend get what one caller gets") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2] * 0.004");
  EstimatorOptions options;
  options.max_batch = 2;
  const PoseEstimator estimator(Model(on_test_device(dir.path() / "m.pt")), options);
  const Album album;
  const auto expected = estimator.estimate_batch(album.input);
  std::vector<double> farthest_of(4, 0);
  at_once(farthest_of.size(), [&](std::size_t i) {
    for (int round = 0; round < 5; ++round) {
      const auto results = estimator.estimate_batch(album.input);
      for (std::size_t r = 0; r < results.size(); ++r) {
        for (std::size_t p = 0; p < 2; ++p) {
          const Keypoint& a = results[r].poses.at(p).keypoints.at(0);
          const Keypoint& b = expected[r].poses.at(p).keypoints.at(0);
          farthest_of[i] = std::max(farthest_of[i], static_cast<double>(std::hypot(a.x - b.x, a.y - b.y)));
        }
      }
    }
  });
  for (const double distance : farthest_of) CHECK(distance < 1e-3);
}

TEST_CASE("A session can be destroyed during a batch") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  const auto backend = on_test_device(dir.path() / "m.pt");
  const DecodeRequest request = make_decode_request(backend->info());
  for (int round = 0; round < 3; ++round) {  // what was not given back would be missing in the second round
    const auto session = backend->open_session(request);
    for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
      std::fill_n(session->staging(slot, 1), 16 * 16 * 3, std::byte{7});
      session->submit(slot, 1, {.stop = {}, .deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1)});
    }
  }
}
