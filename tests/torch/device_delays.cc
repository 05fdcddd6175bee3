/// Answers do not depend on who calls, on how many copies of a model share a device, or on how long the device's streams wait; on the CPU
/// and, in the program of the label gpu, on a CUDA device.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "backend/replicas.h"
#include "posekit/estimator.h"
#include "support/at_once.h"
#include "support/caller_device.h"
#include "support/paths.h"
#include "support/two_ways.h"

using namespace posekit;
using posekit_test::Album;
using posekit_test::farthest;
using posekit_test::on_test_device;
using posekit_test::save_echo;
using posekit_test::test_device;

namespace {

/// Whether two answers are equal to the last bit.
bool equal(const std::vector<ImageResult>& one, const std::vector<ImageResult>& other) {
  const auto same_keypoint = [](const Keypoint& a, const Keypoint& b) { return a.x == b.x && a.y == b.y && a.score == b.score; };
  const auto same_pose = [&](const Pose& a, const Pose& b) { return std::ranges::equal(a.keypoints, b.keypoints, same_keypoint); };
  return std::ranges::equal(one, other, [&](const ImageResult& a, const ImageResult& b) {
    return a.code == ErrorCode::ok && b.code == ErrorCode::ok && !a.poses.empty() && std::ranges::equal(a.poses, b.poses, same_pose);
  });
}

/// Two copies of a model that take turns on the test's device.
std::shared_ptr<ModelBackend> twice_on_test_device(const std::filesystem::path& model) {
  if (test_device() == "cpu") return make_replica_set({on_test_device(model), on_test_device(model)});
  return load_model(model, {.metadata = {}, .sha256 = {}, .device = "cuda:0,cuda:0"});
}

/// Red decides a channel by its peak's surroundings, green needs the whole map.
const std::string one_channel_is_weak = "return torch.stack([x[:, 0], x[:, 1] * 0.002], 1)";

}  // namespace

TEST_CASE("Two copies of a model on one device answer as one, to the last bit", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", one_channel_is_weak);
  EstimatorOptions options;
  options.max_batch = GENERATE(std::size_t{1}, std::size_t{3});
  const Album album;
  const auto expected = PoseEstimator(Model(on_test_device(dir.path() / "m.pt")), options).estimate_batch(album.input);
  const PoseEstimator twice(Model(twice_on_test_device(dir.path() / "m.pt")), options);
  for (int round = 0; round < 5; ++round) CHECK(equal(twice.estimate_batch(album.input), expected));
  std::vector<int> right(4, 0);
  posekit_test::at_once(right.size(), [&](std::size_t i) {
    for (int round = 0; round < 5; ++round) right[i] += equal(twice.estimate_batch(album.input), expected) ? 1 : 0;
  });
  CHECK(right == std::vector<int>(4, 5));
}

TEST_CASE("Eight callers at once, each in a thread that lives for one call, get what one caller gets", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", one_channel_is_weak);
  EstimatorOptions options;
  options.max_batch = 3;
  const PoseEstimator estimator(Model(on_test_device(dir.path() / "m.pt")), options);
  const Album album;
  const auto expected = estimator.estimate_batch(album.input);
  REQUIRE(equal(expected, expected));
  for (int round = 0; round < 10; ++round) {
    std::vector<char> right(8, 0);
    posekit_test::at_once(right.size(), [&](std::size_t i) { right[i] = equal(estimator.estimate_batch(album.input), expected) ? 1 : 0; });
    CHECK(right == std::vector<char>(8, 1));
  }
}

#ifdef POSEKIT_TEST_ON_CUDA  // without CUDA there are no streams

TEST_CASE("Random waits on every stream change no answer by a bit", "[device][delays]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", one_channel_is_weak);
  EstimatorOptions options;
  options.max_batch = GENERATE(std::size_t{1}, std::size_t{3});
  options.flip_test = GENERATE(false, true);
  const Album album;
  std::vector<std::unique_ptr<posekit_test::DeviceBytes>> pixels;
  auto mixed = album.input;  // every second image is on the device
  for (std::size_t i = 0; i < mixed.size(); i += 2) {
    pixels.push_back(std::make_unique<posekit_test::DeviceBytes>(test_device(), album.images[i].pixels));
    mixed[i].image.data = pixels.back()->data();
    mixed[i].image.cuda_device = 0;
  }
  const PoseEstimator quick(Model(on_test_device(dir.path() / "m.pt")), options);
  const auto expected = quick.estimate_batch(album.input);
  const auto expected_mixed = quick.estimate_batch(mixed);
  for (unsigned seed = 1; seed <= 3; ++seed) {
    INFO("seed " << seed);
    posekit_test::DelayedStreams streams(seed, std::chrono::microseconds(2000));
    const auto backend = on_test_device(dir.path() / "m.pt");
    streams.serve(*backend);
    const PoseEstimator delayed(Model(backend), options);
    for (int round = 0; round < 2; ++round) {
      CHECK(equal(delayed.estimate_batch(album.input), expected));
      CHECK(equal(delayed.estimate_batch(mixed), expected_mixed));
    }
    std::vector<char> right(2, 0);
    posekit_test::at_once(right.size(), [&](std::size_t i) { right[i] = equal(delayed.estimate_batch(album.input), expected) ? 1 : 0; });
    CHECK(right == std::vector<char>(2, 1));
    CHECK(streams.waits() > 50);
  }
}

#endif
