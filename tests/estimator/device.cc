/// PoseEstimator around a model on a device: what runs at the same time, and how failures end. Order is measured by events, never by time.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "posekit/error.h"
#include "posekit/estimator.h"
#include "support/at_once.h"
#include "support/fake_device.h"
#include "support/shuffling_executor.h"

using namespace posekit;
using Catch::Approx;
using posekit_test::at_once;
using posekit_test::CropBatch;
using posekit_test::FakeDevice;

namespace {

constexpr int input_side = 16;
constexpr int heatmap_side = 8;

ModelInfo heatmap_info() {
  ModelInfo info;
  info.name = "fake";
  info.input.width = input_side;
  info.input.height = input_side;
  info.output = HeatmapOutput{.size = {heatmap_side, heatmap_side}, .udp = false, .refinement = Refinement::quarter};
  info.pose().alignment = Alignment::classic;
  info.pose().keypoints = {.name = "two",
                           .provenance = {},
                           .keypoints = {{"left_eye", 1}, {"right_eye", 0}},
                           .links = {},
                           .sigmas = {},
                           .subsets = {{"right", {1}}}};
  return info;
}

/// Two records a person: the score is the grey in the crop's middle, so that every person's answer differs from the others'.
FakeDevice::Peaks peaks_of(const CropBatch& crops) {
  FakeDevice::Peaks peaks;
  for (std::size_t b = 0; b < crops.count; ++b) {
    const auto grey = static_cast<float>(posekit_test::middle_grey(crops, b, input_side));
    for (int k = 0; k < 2; ++k) peaks.push_back({.score = grey / 255, .x = 3 + k, .y = 4, .usable = true});
  }
  return peaks;
}

/// One image for each person, each of another grey.
struct People {
  std::vector<Image> images;
  std::vector<std::vector<Box>> boxes;
  std::vector<ImageBoxes> input;

  explicit People(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      images.push_back({std::vector<std::uint8_t>(40 * 40 * 3, grey(i)), 40, 40, PixelFormat::bgr8});
      boxes.push_back({{4, 4, 36, 36}});
    }
    for (std::size_t i = 0; i < count; ++i) input.push_back({images[i].view(), boxes[i]});
  }
  static std::uint8_t grey(std::size_t person) { return static_cast<std::uint8_t>(10 + 7 * person); }
};

/// Whether each person that has a pose has its own.
bool each_has_its_own(const std::vector<ImageResult>& results) {
  bool right = true;
  for (std::size_t i = 0; i < results.size(); ++i) {
    for (const Pose& pose : results[i].poses) right = right && pose.keypoints.at(0).score == static_cast<float>(People::grey(i)) / 255;
  }
  return right;
}

std::size_t posed(const std::vector<ImageResult>& results) {
  std::size_t count = 0;
  for (const ImageResult& result : results) count += result.poses.size();
  return count;
}

EstimatorOptions one_by_one(std::shared_ptr<Executor> executor = nullptr) {
  EstimatorOptions options;
  options.max_batch = 1;
  options.executor = std::move(executor);
  return options;
}

/// Notes every piece of work of the estimator's own: warps and refinements.
class NotingExecutor final : public Executor {
 public:
  std::function<void()> note;
  void parallel_for(std::size_t count, TaskRef task) override {
    if (note) note();
    for (std::size_t i = 0; i < count; ++i) task(i, 0);
  }
  std::size_t slots() const noexcept override { return 1; }
};

}  // namespace

TEST_CASE("Every person gets their own answer from a device, on every executor, in batches of any size") {
  const std::size_t max_batch = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100});
  const std::size_t count = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{7});
  const People people(count);
  for (const std::shared_ptr<Executor>& executor : {std::shared_ptr<Executor>(), std::shared_ptr<Executor>(std::make_shared<ThreadPool>(3)),
                                                    std::shared_ptr<Executor>(std::make_shared<posekit_test::ShufflingExecutor>())}) {
    const auto device = std::make_shared<FakeDevice>(heatmap_info(), [](std::size_t, const CropBatch& crops) { return peaks_of(crops); });
    EstimatorOptions options = one_by_one(executor);
    options.max_batch = max_batch;
    const PoseEstimator estimator(Model(device), options);
    const auto results = estimator.estimate_batch(people.input);
    CHECK(posed(results) == count);
    CHECK(each_has_its_own(results));
    CHECK(device->under_way() == 0);
    // Cell (3, 4) of 8x8 on an input of 16x16, which a box of 32 pixels times 1.25 fills.
    if (count > 0) {
      CHECK(results[0].poses.at(0).keypoints.at(0).x == Approx(20 - 20 + 3 * 16.0 / 8 * 40 / 16));
      CHECK(results[0].poses[0].keypoints[1].x == Approx(20 - 20 + 4 * 16.0 / 8 * 40 / 16));
    }
  }
}

TEST_CASE("The next batch is warped and sent, and the one after warped, while a batch is computed") {
  posekit_test::EventLog* log = nullptr;
  std::vector<bool> seen;
  // Batch n is not done before n + 1 has been sent; from the second on, not before n + 1 ... has been staged: a caller that waited would
  // wait for ever.
  const auto device = std::make_shared<FakeDevice>(heatmap_info(), [&](std::size_t batch, const CropBatch& crops) {
    if (batch + 1 < 6) seen.push_back(log->wait_for("submit " + std::to_string(batch + 1)));
    return peaks_of(crops);
  });
  log = &device->log();
  const PoseEstimator estimator(Model(device), one_by_one());
  const People people(6);
  const auto results = estimator.estimate_batch(people.input);
  CHECK(posed(results) == 6);
  CHECK(each_has_its_own(results));
  CHECK(seen == std::vector<bool>(5, true));
  for (std::size_t n = 0; n + 1 < 6; ++n) {
    CHECK(log->position("stage " + std::to_string(n + 1)) < log->position("computed " + std::to_string(n)));
    CHECK(log->position("submit " + std::to_string(n + 1)) < log->position("collected " + std::to_string(n)));
  }
  // Never more than two at once: batch n + 2 reuses the memory of batch n.
  for (std::size_t n = 0; n + 2 < 6; ++n)
    CHECK(log->position("collected " + std::to_string(n)) < log->position("stage " + std::to_string(n + 2)));
}

TEST_CASE("The last batch's answer is refined while a batch is computed") {
  posekit_test::EventLog* log = nullptr;
  std::vector<bool> seen;
  // Work of the executor, one person a batch: warp 0, warp 1, refine 0, warp 2, refine 1, … Batch 1 is not done before refine 0 has begun.
  const auto device = std::make_shared<FakeDevice>(heatmap_info(), [&](std::size_t batch, const CropBatch& crops) {
    if (batch == 1) seen.push_back(log->wait_for("work 2"));
    if (batch == 2) seen.push_back(log->wait_for("work 4"));
    return peaks_of(crops);
  });
  log = &device->log();
  const auto executor = std::make_shared<NotingExecutor>();
  int pieces = 0;
  executor->note = [&] { log->add("work " + std::to_string(pieces++)); };
  const PoseEstimator estimator(Model(device), one_by_one(executor));
  const People people(4);
  CHECK(posed(estimator.estimate_batch(people.input)) == 4);
  CHECK(seen == std::vector<bool>{true, true});
  CHECK(log->position("collected 0") < log->position("work 2"));
  CHECK(log->position("submit 1") < log->position("work 2"));  // so it is no warp, but the refinement of 0
  CHECK(log->position("work 2") < log->position("computed 1"));
  CHECK(log->position("submit 2") < log->position("work 4"));
  CHECK(log->position("work 4") < log->position("computed 2"));
}

TEST_CASE("A batch that fails on the device, or on its way there, fails alone") {
  const std::size_t failing = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{4});
  const bool at_submit = GENERATE(true, false);
  const auto fail_at = [failing](std::size_t batch) {
    if (batch == failing) throw Error(ErrorCode::invalid_model, "scripted failure");
  };
  const auto device = std::make_shared<FakeDevice>(
      heatmap_info(),
      [&](std::size_t batch, const CropBatch& crops) {
        if (!at_submit) fail_at(batch);
        return peaks_of(crops);
      },
      [&](std::size_t batch) {
        if (at_submit) fail_at(batch);
      });
  const PoseEstimator estimator(Model(device), one_by_one());
  const People people(5);
  const auto results = estimator.estimate_batch(people.input);
  for (std::size_t i = 0; i < results.size(); ++i) {
    CHECK(results[i].code == (i == failing ? ErrorCode::invalid_model : ErrorCode::ok));
    CHECK(results[i].poses.size() == (i == failing ? 0 : 1));
  }
  CHECK(results[failing].message == "scripted failure");
  CHECK(each_has_its_own(results));
  CHECK(device->under_way() == 0);
  CHECK(posed(estimator.estimate_batch(people.input)) == 5);
}

TEST_CASE("Cancellation ends a call after the batches on the device, whose answers are kept") {
  std::stop_source source;
  const auto device = std::make_shared<FakeDevice>(
      heatmap_info(), [](std::size_t, const CropBatch& crops) { return peaks_of(crops); },
      [&](std::size_t batch) {
        if (batch == 1) source.request_stop();
      });
  const PoseEstimator estimator(Model(device), one_by_one());
  const People people(6);
  const auto results = estimator.estimate_batch(people.input, {.stop = source.get_token(), .deadline = std::nullopt});
  for (std::size_t i = 0; i < results.size(); ++i) {
    CHECK(results[i].code == (i < 2 ? ErrorCode::ok : ErrorCode::cancelled));
    CHECK(results[i].poses.size() == (i < 2 ? 1 : 0));
  }
  CHECK(device->under_way() == 0);
  CHECK(device->log().count("submit 2") == 0);
}

TEST_CASE("A deadline that passes during a batch ends the call after the batches on the device") {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  const auto device = std::make_shared<FakeDevice>(heatmap_info(), [&](std::size_t batch, const CropBatch& crops) {
    if (batch == 0) std::this_thread::sleep_until(deadline);
    return peaks_of(crops);
  });
  const PoseEstimator estimator(Model(device), one_by_one());
  const People people(6);
  const auto results = estimator.estimate_batch(people.input, {.stop = {}, .deadline = deadline});
  CHECK(results[5].code == ErrorCode::deadline_exceeded);
  CHECK(posed(results) <= 2);
  for (const ImageResult& result : results) CHECK((result.code == ErrorCode::ok) == !result.poses.empty());
  CHECK(device->under_way() == 0);
}

TEST_CASE("An executor that throws while a batch is on the device leaves the device empty and usable") {
  const auto device = std::make_shared<FakeDevice>(heatmap_info(), [](std::size_t, const CropBatch& crops) { return peaks_of(crops); });
  const auto executor = std::make_shared<NotingExecutor>();
  int pieces = 0;
  const int failing = GENERATE(0, 1, 2, 3, 4, 5);
  executor->note = [&] {
    if (pieces++ == failing) throw Error(ErrorCode::internal, "the executor failed");
  };
  const PoseEstimator estimator(Model(device), one_by_one(executor));
  const People people(3);
  const auto results = estimator.estimate_batch(people.input);
  CHECK(posed(results) == 2);
  CHECK(each_has_its_own(results));
  CHECK(device->under_way() == 0);
  CHECK(posed(estimator.estimate_batch(people.input)) == 3);
}

TEST_CASE("A session is opened for the wanted channels and the flip test") {
  const auto device = std::make_shared<FakeDevice>(
      heatmap_info(), [](std::size_t, const CropBatch&) { return FakeDevice::Peaks{{.score = 0.5F, .x = 1, .y = 1, .usable = true}}; });
  EstimatorOptions options = one_by_one();
  options.keypoints = {"right"};
  options.flip_test = true;
  const PoseEstimator estimator(Model(device), options);
  const People people(1);
  CHECK(estimator.estimate_batch(people.input)[0].poses.at(0).keypoints.size() == 1);
  REQUIRE(device->requests().size() == 1);
  CHECK(device->requests()[0] == DecodeRequest{.channels = {1}, .kernel = {}, .flip_test = true});
}

TEST_CASE("Concurrent callers share a device, each with a session of its own that is reused") {
  const auto device = std::make_shared<FakeDevice>(heatmap_info(), [](std::size_t, const CropBatch& crops) { return peaks_of(crops); });
  EstimatorOptions options = one_by_one(std::make_shared<ThreadPool>(2));
  options.max_batch = 2;
  const PoseEstimator estimator(Model(device), options);
  const People people(7);
  constexpr std::size_t callers = 6;
  std::vector<int> right(callers, 0);
  at_once(callers, [&](std::size_t i) {
    for (int round = 0; round < 10; ++round) {
      const auto results = estimator.estimate_batch(people.input);
      right[i] += posed(results) == 7 && each_has_its_own(results) ? 1 : 0;
    }
  });
  CHECK(right == std::vector<int>(callers, 10));
  CHECK(device->requests().size() <= callers);
  CHECK(device->allocations() <= static_cast<int>(2 * callers));
}

TEST_CASE("An estimator can be destroyed while its device has other users") {
  const auto device = std::make_shared<FakeDevice>(heatmap_info(), [](std::size_t, const CropBatch& crops) { return peaks_of(crops); });
  const People people(5);
  for (int round = 0; round < 3; ++round) {
    const PoseEstimator estimator(Model(device), one_by_one());
    CHECK(posed(estimator.estimate_batch(people.input)) == 5);
  }
  CHECK(device->under_way() == 0);
}

TEST_CASE("A session that is destroyed during a batch waits for it") {
  std::latch submitted(1);
  std::atomic<bool> computed = false;
  FakeDevice device(heatmap_info(), [&](std::size_t, const CropBatch& crops) {
    submitted.wait();
    const auto peaks = peaks_of(crops);
    computed = true;
    return peaks;
  });
  {
    const auto session = device.open_session({});
    std::fill_n(session->staging(0, 1), input_side * input_side * 3, std::byte{1});
    session->submit(0, 1, {});
    submitted.count_down();
  }
  CHECK(computed);
}
