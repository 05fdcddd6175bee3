/// PoseEstimator around several replicas: who gets the work, and what becomes of failures, lost devices and memory that is out. Order is
/// measured by events, never by time.
#include "backend/replicas.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "posekit/detector.h"
#include "posekit/error.h"
#include "posekit/estimator.h"
#include "posekit/runtime.h"
#include "support/crowd.h"
#include "support/fake_backend.h"
#include "support/fake_device.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::all_right;
using posekit_test::CropBatch;
using posekit_test::Crowd;
using posekit_test::device;
using posekit_test::FakeBackend;
using posekit_test::FakeDevice;
using posekit_test::good_device;
using posekit_test::grey_of;
using posekit_test::lost_device;
using posekit_test::one_keypoint;
using posekit_test::peaks_of;
using posekit_test::run;

namespace {

PoseEstimator around(std::vector<std::shared_ptr<ModelBackend>> replicas, std::size_t max_batch = 1) {
  EstimatorOptions options;
  options.max_batch = max_batch;
  return PoseEstimator(Model(make_replica_set(std::move(replicas))), options);
}

/// Keeps the library's notes while it lives.
class Notes {
 public:
  Notes() {
    set_log_callback([this](LogLevel, std::string_view text) {
      const std::lock_guard lock(mutex_);
      texts_.emplace_back(text);
    });
  }
  Notes(const Notes&) = delete;
  Notes& operator=(const Notes&) = delete;
  ~Notes() { set_log_callback({}); }
  std::vector<std::string> texts() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

Error out_of_memory() { return {ErrorCode::out_of_memory, "memory is out"}; }

}  // namespace

TEST_CASE("Replicas: a free replica gets the next batch, and results keep the order of the boxes") {
  const auto quick = good_device();
  std::atomic<bool> saw_the_others = false;
  // The slow one does not end its first batch before the quick one has done nine: a fixed share would wait for ever.
  const auto slow = device([&](std::size_t batch, const CropBatch& crops) {
    if (batch == 0) saw_the_others = quick->log().wait_for("computed 8");
    return peaks_of(crops);
  });
  const PoseEstimator estimator = around({slow, quick});
  CHECK(to_string(estimator.model().devices()) == "cuda:0,cuda:0");
  const Crowd crowd(12);
  CHECK(all_right(run(estimator, crowd), 12));
  CHECK(saw_the_others);
}

TEST_CASE("Replicas: batches are computed side by side by one caller") {
  // Each of two waits for the other's first batch.
  std::latch both(2);
  const auto meet = [&](std::size_t batch, const CropBatch& crops) {
    if (batch == 0) both.arrive_and_wait();
    return peaks_of(crops);
  };
  const PoseEstimator estimator = around({device(meet), device(meet)});
  CHECK(all_right(run(estimator, Crowd(6)), 6));
}

TEST_CASE("Replicas: a model on the caller's thread gets a thread for each replica") {
  std::latch both(2);
  std::atomic<int> runs = 0;
  std::mutex mutex;
  std::vector<std::thread::id> threads;
  ModelInfo info = one_keypoint();
  info.output = RegressionOutput{};
  const auto answer = [&](const CropBatch& crops) {
    if (runs++ < 2) both.arrive_and_wait();
    const std::lock_guard lock(mutex);
    if (std::ranges::find(threads, std::this_thread::get_id()) == threads.end()) threads.push_back(std::this_thread::get_id());
    FakeBackend::Tensor out{{crops.count, 1, 3}, {}};
    for (std::size_t i = 0; i < crops.count; ++i) out.values.insert(out.values.end(), {8, 8, static_cast<float>(grey_of(crops, i))});
    return std::vector<FakeBackend::Tensor>{out};
  };
  const auto one = std::make_shared<FakeBackend>(info, answer);
  const auto two = std::make_shared<FakeBackend>(info, answer);
  const PoseEstimator estimator = around({one, two}, 2);
  CHECK(all_right(run(estimator, Crowd(9)), 9));
  CHECK(threads.size() == 2);
  CHECK(std::ranges::find(threads, std::this_thread::get_id()) == threads.end());
  CHECK(one->batches().size() + two->batches().size() == 5);
}

TEST_CASE("Replicas: a failing one fails its own batches only") {
  const auto bad = device([](std::size_t, const CropBatch&) -> FakeDevice::Peaks { throw Error(ErrorCode::invalid_model, "it broke"); });
  const auto good = good_device();
  const PoseEstimator estimator = around({bad, good});
  std::vector<Crowd> crowds;
  std::vector<ImageBoxes> input;
  for (int i = 0; i < 10; ++i) crowds.emplace_back(1, 10 * i + 1);
  for (const Crowd& crowd : crowds) input.push_back(crowd.input());
  const auto results = estimator.estimate_batch(input);
  std::size_t failed = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].code == ErrorCode::ok) {
      CHECK(all_right(results[i], 1, 10 * static_cast<int>(i) + 1));
    } else {
      ++failed;
      CHECK(results[i].code == ErrorCode::invalid_model);
      CHECK(results[i].message == "it broke");
    }
  }
  CHECK(failed == bad->log().events().size() / 6);  // six events a batch
  CHECK(failed >= 1);
  CHECK(failed < 10);
  CHECK(bad->under_way() == 0);
  CHECK(good->under_way() == 0);
}

TEST_CASE("Replicas: a lost device gets no more batches, and the others continue") {
  const Notes notes;
  std::atomic<bool> is_lost = false;
  const auto fragile = device([&](std::size_t batch, const CropBatch& crops) {
    if (batch < 2) return peaks_of(crops);
    is_lost = true;
    throw lost_device();
  });
  const PoseEstimator estimator = around({fragile, good_device()});
  for (int call = 0; call < 20 && !is_lost; ++call) (void)run(estimator, Crowd(4));
  REQUIRE(is_lost);
  const std::size_t sent = fragile->log().events().size();
  for (int call = 0; call < 5; ++call) CHECK(all_right(run(estimator, Crowd(8)), 8));
  CHECK(fragile->log().events().size() == sent);
  REQUIRE(notes.texts().size() == 1);
  CHECK_THAT(notes.texts()[0], ContainsSubstring("is lost"));
}

TEST_CASE("Replicas: a session that is opened after a device was lost uses the others") {
  const auto fragile = device([](std::size_t, const CropBatch&) -> FakeDevice::Peaks { throw lost_device(); });
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future();
  std::atomic<bool> hold = false;
  const auto good = device([&](std::size_t, const CropBatch& crops) {
    if (hold) open.wait();
    return peaks_of(crops);
  });
  const PoseEstimator estimator = around({fragile, good});
  (void)run(estimator, Crowd(4));
  fragile->fail_opening(std::make_exception_ptr(lost_device()));
  const std::size_t before = good->log().count("submit 0") + good->log().count("submit 1") + good->log().count("submit 2");
  hold = true;
  auto first = std::async(std::launch::async, [&] { return all_right(run(estimator, Crowd(1)), 1); });
  REQUIRE(good->log().wait_for("submit " + std::to_string(before)));
  auto second = std::async(std::launch::async, [&] { return all_right(run(estimator, Crowd(1)), 1); });  // opens a session of its own
  REQUIRE(good->log().wait_for("submit " + std::to_string(before + 1)));
  gate.set_value();
  CHECK(first.get());
  CHECK(second.get());
  for (int call = 0; call < 4; ++call) CHECK(all_right(run(estimator, Crowd(8)), 8));
}

TEST_CASE("Replicas: when every device is lost, every call reports it") {
  const auto failing = device([](std::size_t, const CropBatch&) -> FakeDevice::Peaks { throw lost_device(); });
  const PoseEstimator hopeless = around({failing, failing});
  (void)run(hopeless, Crowd(4));
  const ImageResult result = run(hopeless, Crowd(4));
  CHECK(result.code == ErrorCode::device_unavailable);
  CHECK_THAT(result.message, ContainsSubstring("is lost: restart the process"));
}

TEST_CASE("Out of memory halves the batch until it fits, and that size is kept") {
  for (const bool at_submit : {false, true}) {
    const Notes notes;
    std::mutex mutex;
    std::vector<std::size_t> sizes;
    const auto compute = [&](std::size_t, const CropBatch& crops) {
      const std::lock_guard lock(mutex);
      sizes.push_back(crops.count);
      if (crops.count > 5 && !at_submit) throw out_of_memory();
      return peaks_of(crops);
    };
    // Refuses the first three batches whatever their size: as memory that others hold would.
    const auto one = device(compute, [&](std::size_t batch) {
      if (at_submit && batch < 3) throw out_of_memory();
    });
    EstimatorOptions options;  // max_batch is unset: 16 on a device
    const PoseEstimator estimator(Model(one), options);
    CHECK(all_right(run(estimator, Crowd(50)), 50));
    const std::size_t before = sizes.size();
    CHECK(all_right(run(estimator, Crowd(50)), 50));
    const std::size_t fitting = at_submit ? 2 : 4;
    for (std::size_t i = before; i < sizes.size(); ++i) CHECK(sizes[i] <= fitting);
    CHECK(notes.texts().size() == (at_submit ? 3 : 2));  // 16 → 8 → 4 (→ 2)
    CHECK_THAT(notes.texts().back(), ContainsSubstring("from now on batches have at most " + std::to_string(fitting)));
  }
}

TEST_CASE("Out of memory in a batch of one person is that person's error") {
  const auto one = device([](std::size_t, const CropBatch& crops) {
    for (std::size_t i = 0; i < crops.count; ++i) {
      if (grey_of(crops, i) == 3) throw out_of_memory();
    }
    return peaks_of(crops);
  });
  EstimatorOptions options;
  options.max_batch = 8;
  const PoseEstimator estimator(Model(one), options);
  const ImageResult result = run(estimator, Crowd(6));
  CHECK(result.code == ErrorCode::out_of_memory);
  CHECK(result.poses.size() == 5);
}

TEST_CASE("Replicas halve their batches for several callers at once, in order") {
  const auto little = [](std::size_t, const CropBatch& crops) {
    if (crops.count > 3) throw out_of_memory();
    return peaks_of(crops);
  };
  const PoseEstimator estimator = around({device(little), device(little), device(little)}, 32);
  std::vector<std::future<bool>> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.push_back(std::async(std::launch::async, [&] {
      bool right = true;
      for (int call = 0; call < 5; ++call) right = all_right(run(estimator, Crowd(70)), 70) && right;
      return right;
    }));
  }
  for (auto& caller : callers) CHECK(caller.get());
}

TEST_CASE("A detector that runs out of memory halves its batches") {
  ModelInfo info;
  info.purpose = DetectInfo{};
  info.name = "fake detector";
  info.input.width = posekit_test::crowd_side;
  info.input.height = posekit_test::crowd_side;
  info.output = BoxesOutput{};
  const auto answer = [](const CropBatch& crops) {
    if (crops.count > 2) throw out_of_memory();
    FakeBackend::Tensor boxes{{crops.count, 1, 4}, {}};
    FakeBackend::Tensor scores{{crops.count, 1}, std::vector<float>(crops.count, 0.9F)};
    for (std::size_t i = 0; i < crops.count; ++i) boxes.values.insert(boxes.values.end(), {2, 2, 8, 8});
    return std::vector<FakeBackend::Tensor>{boxes, scores};
  };
  const auto backend = std::make_shared<FakeBackend>(info, answer);
  DetectorOptions options;
  options.max_batch = 8;
  const PersonDetector detector(Model(backend), options);
  const Crowd crowd(1);
  const std::vector<ImageView> images(7, crowd.image.view());
  for (const DetectionResult& result : detector.detect_batch(images)) CHECK(result.boxes.size() == 1);
  CHECK(backend->batches() == std::vector<std::size_t>{7, 3, 1, 1, 1, 1, 1, 1, 1});
}

TEST_CASE("Sixteen callers get the replicas in the order in which they asked") {
  constexpr std::size_t callers = 16;
  constexpr std::size_t calls = 20;
  std::mutex mutex;
  std::vector<std::size_t> order;  // which caller's batch was computed
  std::latch all_are_there(callers);
  const auto compute = [&](std::size_t batch, const CropBatch& crops) {
    if (batch == 0) all_are_there.wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::lock_guard lock(mutex);
    order.push_back(static_cast<std::size_t>(grey_of(crops, 0)) - 1);
    return peaks_of(crops);
  };
  const PoseEstimator estimator = around({device(compute), device(compute)});
  std::atomic<std::size_t> right = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t caller = 0; caller < callers; ++caller) {
      threads.emplace_back([&, caller] {
        const Crowd own(1, static_cast<int>(caller) + 1);
        all_are_there.count_down();
        for (std::size_t call = 0; call < calls; ++call) right += all_right(run(estimator, own), 1, static_cast<int>(caller) + 1) ? 1 : 0;
      });
    }
  }
  CHECK(right == callers * calls);
  REQUIRE(order.size() == callers * calls);
  // In turn, each would have had one of the first sixteen; ten times as many are granted to threads that start late.
  for (std::size_t caller = 0; caller < callers; ++caller)
    CHECK(std::ranges::find(order.begin(), order.begin() + 160, caller) != order.begin() + 160);
}

TEST_CASE("A caller that waits for busy replicas ends on cancellation and at its deadline") {
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future();
  const auto held = [&](std::size_t, const CropBatch& crops) {
    open.wait();
    return peaks_of(crops);
  };
  const auto one = device(held);
  const auto two = device(held);
  const PoseEstimator estimator = around({one, two});
  {
    const std::jthread busy([&] { CHECK(all_right(run(estimator, Crowd(8)), 8)); });
    for (const auto& replica : {one, two}) REQUIRE(replica->log().wait_for("submit 1"));  // two batches at each: there is no room

    const ImageResult late =
        run(estimator, Crowd(1), {.stop = {}, .deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20)});
    CHECK(late.code == ErrorCode::deadline_exceeded);
    std::stop_source stop;
    auto waiting = std::async(std::launch::async, [&] { return run(estimator, Crowd(1), {.stop = stop.get_token(), .deadline = {}}); });
    stop.request_stop();
    CHECK(waiting.get().code == ErrorCode::cancelled);
    gate.set_value();
  }
}
