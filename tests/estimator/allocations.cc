/// What a call allocates; and that an allocation that fails at any point gives an error or a result, never a crash, a leak or half a state.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <memory>
#include <new>
#include <vector>

#include "posekit/detector.h"
#include "posekit/error.h"
#include "posekit/estimator.h"
#include "support/failing_allocator.h"
#include "support/fake_backend.h"
#include "support/ready_device.h"

namespace {

using namespace posekit;
using posekit_test::allocations;
using posekit_test::allocations_left;
using posekit_test::blocks;
using posekit_test::CropBatch;
using posekit_test::FakeBackend;
using posekit_test::never;

constexpr int most_points_of_failure = 5000;

ModelInfo pose_info() {
  ModelInfo info;
  info.name = "fake";
  info.input.width = 32;
  info.input.height = 32;
  info.output = HeatmapOutput{.size = {8, 8}};
  info.pose().keypoints = {
      .name = "two", .provenance = {}, .keypoints = {{"left_eye", 1}, {"right_eye", 0}}, .links = {}, .sigmas = {}, .subsets = {}};
  return info;
}

std::vector<FakeBackend::Tensor> peaks(const CropBatch& crops) {
  FakeBackend::Tensor out{{crops.count, 2, 8, 8}, std::vector<float>(crops.count * 128, 0.01F)};
  for (std::size_t channel = 0; channel < crops.count * 2; ++channel) out.values[channel * 64 + 27] = 0.9F;
  return {out};
}

/// A model whose answer is ready: only the vector of tensors in its output is made for each run.
class ReadyBackend final : public posekit_test::StandIn {
 public:
  explicit ReadyBackend(std::size_t most)
      : StandIn(pose_info(), {}, CropFormat::float_chw), answer_(std::make_shared<FakeBackend::Tensor>(peaks({nullptr, most}).front())) {}

  std::unique_ptr<BatchSession> open_session(const DecodeRequest& request) override {
    return std::make_unique<posekit_test::HostLikeSession>(*this, request, [this](const CropBatch& crops, const RunControl&) {
      ModelOutput output;
      output.tensors.push_back({.data = answer_->values.data(), .shape = {crops.count, 2, 8, 8}, .rank = 4});
      output.owner = answer_;
      return output;
    });
  }

 private:
  std::shared_ptr<FakeBackend::Tensor> answer_;
};

constexpr PeakRecord some_peak{.score = 0.9F, .x = 3, .y = 3, .usable = true};

/// Runs the call with the k-th allocation failing, k = 0, 1, …, until a run meets no failure. @return how many runs failed
template <class Call>
int fail_everywhere(Call call) {
  int failures = 0;
  for (int k = 0; k < most_points_of_failure; ++k) {
    const long before = blocks;
    allocations_left = k;
    const bool complete = call();
    const bool met = allocations_left == never;
    allocations_left = never;
    CHECK(blocks <= before + 64);  // memory kept for the next call, not lost again and again
    if (!met) {
      CHECK(complete);
      return failures;
    }
    ++failures;
  }
  FAIL("no run without a failure");
  return failures;
}

}  // namespace

TEST_CASE("An estimate survives a failing allocation anywhere, and the next one is complete") {
  EstimatorOptions options;
  options.max_batch = 2;
  options.flip_test = true;
  options.executor = std::make_shared<ThreadPool>(2);
  const bool on_device = GENERATE(false, true);
  const PoseEstimator estimator = on_device
                                      ? PoseEstimator(Model(std::make_shared<posekit_test::ReadyDevice>(pose_info(), some_peak)), options)
                                      : PoseEstimator(Model(std::make_shared<FakeBackend>(pose_info(), peaks)), options);
  const Image image{std::vector<std::uint8_t>(64 * 64 * 3, 90), 64, 64, PixelFormat::bgr8};
  const std::vector<Box> boxes{{5, 5, 40, 60}, {10, 10, 3, 3}, {8, 8, 60, 60}, {1, 1, 20, 20}};
  const std::vector<ImageBoxes> input(3, {image.view(), boxes});
  const auto complete = [&] {
    for (const ImageResult& result : estimator.estimate_batch(input)) {
      if (result.code != ErrorCode::ok || result.poses.size() != 3 || result.box_errors.size() != 1) return false;
    }
    return true;
  };
  const int failures = fail_everywhere([&] {
    try {
      return complete();
    } catch (const std::bad_alloc&) {
      return false;
    } catch (const Error&) {
      return false;
    }
  });
  CHECK(failures > 20);
  CHECK(complete());
}

TEST_CASE("A detection survives a failing allocation anywhere, and the next one is complete") {
  ModelInfo info;
  info.purpose = DetectInfo{};
  info.input.width = 32;
  info.input.height = 32;
  info.output = BoxesOutput{};
  DetectorOptions options;
  options.tiles = {0.5};
  options.max_batch = 4;
  const auto model = std::make_shared<FakeBackend>(info, [](const CropBatch& crops) {
    FakeBackend::Tensor boxes{{crops.count, 1, 4}, {}};
    for (std::size_t i = 0; i < crops.count; ++i) boxes.values.insert(boxes.values.end(), {10, 10, 20, 20});
    return std::vector<FakeBackend::Tensor>{boxes, {{crops.count, 1}, std::vector<float>(crops.count, 0.9F)}};
  });
  const PersonDetector detector(Model(model), options);
  const Image image{std::vector<std::uint8_t>(64 * 64 * 3, 90), 64, 64, PixelFormat::bgr8};
  const std::size_t expected = detector.detect(image.view()).size();
  CHECK(expected > 0);
  const int failures = fail_everywhere([&] {
    try {
      return detector.detect(image.view()).size() == expected;
    } catch (const std::bad_alloc&) {
      return false;
    } catch (const Error&) {
      return false;
    }
  });
  CHECK(failures > 5);
  CHECK(detector.detect(image.view()).size() == expected);
}

TEST_CASE("A warm call allocates only its result, on every executor and on a device") {
  constexpr std::size_t batch = 4;
  const bool on_device = GENERATE(false, true);
  const std::size_t threads = GENERATE(0U, 1U, 3U);
  EstimatorOptions options;
  options.max_batch = batch;
  if (threads != 0) options.executor = std::make_shared<ThreadPool>(threads);
  std::shared_ptr<ModelBackend> backend = std::make_shared<ReadyBackend>(batch);
  if (on_device) backend = std::make_shared<posekit_test::ReadyDevice>(pose_info(), some_peak);
  const PoseEstimator estimator(Model(std::move(backend)), options);
  const Image image{std::vector<std::uint8_t>(64 * 64 * 3, 90), 64, 64, PixelFormat::bgr8};
  const std::vector<Box> boxes{{5, 5, 40, 60}, {8, 8, 60, 60}, {1, 1, 20, 20}};
  const std::vector<ImageBoxes> input(3, {image.view(), boxes});
  (void)estimator.estimate_batch(input);
  const long before = allocations;
  const auto results = estimator.estimate_batch(input);
  const long made = allocations - before;
  REQUIRE(results[2].poses.size() == 3);
  // One for the results, one for each image's poses, one for each pose's keypoints; and the model's on the CPU, one for each of three
  // batches.
  CHECK(made == 1 + 3 + 9 + (on_device ? 0 : 3));
}
