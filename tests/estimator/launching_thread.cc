/// A device behind its launching thread: who submits, what waits and how that ends, and that every batch of every caller is accounted for.
#include "backend/launching_thread.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "backend/replicas.h"
#include "posekit/error.h"
#include "posekit/estimator.h"
#include "posekit/runtime.h"
#include "support/at_once.h"
#include "support/crowd.h"
#include "support/fake_device.h"

using namespace posekit;
using posekit_test::all_right;
using posekit_test::CropBatch;
using posekit_test::Crowd;
using posekit_test::device;
using posekit_test::FakeDevice;
using posekit_test::good_device;
using posekit_test::lost_device;
using posekit_test::peaks_of;
using posekit_test::run;

namespace {

PoseEstimator behind_a_thread(std::shared_ptr<ModelBackend> device, std::size_t max_batch = 1) {
  EstimatorOptions options;
  options.max_batch = max_batch;
  return PoseEstimator(Model(with_launching_thread(std::move(device))), options);
}

/// A submit that waits until the test lets it go on.
class Gate {
 public:
  void open() { opened_.set_value(); }
  void wait_if_first(std::size_t batch) {
    if (batch == 0) future_.wait();
  }

 private:
  std::promise<void> opened_;
  std::shared_future<void> future_ = opened_.get_future().share();
};

/// Stages one black crop and submits it.
void send(BatchSession& session, std::size_t slot, const RunControl& control = {}) {
  std::fill_n(session.staging(slot, 1), std::size_t{posekit_test::crowd_side} * posekit_test::crowd_side * 3, std::byte{0});
  session.submit(slot, 1, control);
}

ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::ok;
}

}  // namespace

TEST_CASE("One thread launches, whichever threads call") {
  std::mutex mutex;
  std::set<std::thread::id> launching;
  const auto fake = good_device([&](std::size_t) {
    const std::lock_guard lock(mutex);
    launching.insert(std::this_thread::get_id());
  });
  const PoseEstimator estimator = behind_a_thread(fake);
  std::set<std::thread::id> calling{std::this_thread::get_id()};
  for (int caller = 0; caller < 12; ++caller) {
    std::jthread thread([&] { CHECK(all_right(run(estimator, Crowd(4, 10 + caller)), 4, 10 + caller)); });
    calling.insert(thread.get_id());
  }
  REQUIRE(launching.size() == 1);
  CHECK_FALSE(calling.contains(*launching.begin()));
}

TEST_CASE("While one batch is launched, the caller warps the next, and a second one waits") {
  Gate gate;
  const auto fake = good_device([&](std::size_t batch) { gate.wait_if_first(batch); });
  const PoseEstimator estimator = behind_a_thread(fake);
  ImageResult result;
  std::jthread caller([&] { result = run(estimator, Crowd(3)); });
  CHECK(fake->log().wait_for("stage 1"));  // while the first is still being launched
  CHECK(fake->log().count("submit 1") == 0);
  gate.open();
  caller.join();
  CHECK(all_right(result, 3));
}

TEST_CASE("A caller that waits for its turn to launch ends on cancellation and at its deadline") {
  Gate gate;
  const auto fake = good_device([&](std::size_t batch) { gate.wait_if_first(batch); });
  const auto backend = with_launching_thread(fake);
  const auto first = backend->open_session({});
  const auto second = backend->open_session({});
  send(*first, 0);
  REQUIRE(fake->log().wait_for("submit 0"));  // it is being launched,
  send(*first, 1);                            // this one waits behind it, and there is room for no other
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  CHECK(code_of([&] { send(*second, 0, {.stop = {}, .deadline = soon}); }) == ErrorCode::deadline_exceeded);
  std::stop_source stop;
  auto cancelled =
      std::async(std::launch::async, [&] { return code_of([&] { send(*second, 0, {.stop = stop.get_token(), .deadline = {}}); }); });
  stop.request_stop();
  CHECK(cancelled.get() == ErrorCode::cancelled);
  gate.open();
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) CHECK(first->collect(slot).peaks.size() == 1);
  send(*second, 0);  // the slot is free
  CHECK(second->collect(0).peaks.size() == 1);
  CHECK(fake->log().count("submit 2") == 1);
  CHECK(fake->log().count("submit 3") == 0);
}

TEST_CASE("A batch that was cancelled before it is launched does not run") {
  Gate gate;
  const auto fake = good_device([&](std::size_t batch) { gate.wait_if_first(batch); });
  const auto backend = with_launching_thread(fake);
  const auto session = backend->open_session({});
  std::stop_source stop;
  send(*session, 0);
  REQUIRE(fake->log().wait_for("submit 0"));
  send(*session, 1, {.stop = stop.get_token(), .deadline = {}});
  stop.request_stop();
  gate.open();
  CHECK(session->collect(0).peaks.size() == 1);
  CHECK(code_of([&] { (void)session->collect(1); }) == ErrorCode::cancelled);
  CHECK(fake->log().count("submit 1") == 0);
}

TEST_CASE("What launching throws is the batch's own error, and the slot stays usable") {
  const auto fake = good_device([](std::size_t batch) {
    if (batch == 1) throw Error(ErrorCode::invalid_model, "two");
  });
  const PoseEstimator estimator = behind_a_thread(fake);
  const ImageResult result = run(estimator, Crowd(4));
  CHECK(result.code == ErrorCode::invalid_model);
  CHECK(result.poses.size() == 3);
  CHECK(all_right(run(estimator, Crowd(4)), 4));
}

TEST_CASE("A session that is destroyed while its batches wait to be launched waits for them") {
  Gate gate;
  const auto fake = good_device([&](std::size_t batch) { gate.wait_if_first(batch); });
  const auto backend = with_launching_thread(fake);
  auto session = backend->open_session({});
  send(*session, 0);
  REQUIRE(fake->log().wait_for("submit 0"));
  send(*session, 1);
  std::jthread opener([&] { gate.open(); });
  session.reset();
  CHECK(fake->log().count("computed 0") + fake->log().count("computed 1") == 2);
}

TEST_CASE("Memory that is out while a batch is launched halves the batches") {
  const auto fake = good_device([first = true](std::size_t) mutable {
    if (std::exchange(first, false)) throw Error(ErrorCode::out_of_memory, "memory is out");
  });
  set_log_callback([](LogLevel, std::string_view) {});
  CHECK(all_right(run(behind_a_thread(fake, 8), Crowd(8)), 8));
  set_log_callback({});
}

TEST_CASE("What the process keeps of a device's memory is given back before a smaller batch is tried") {
  const bool replicated = GENERATE(false, true);
  set_log_callback([](LogLevel, std::string_view) {});
  std::shared_ptr<FakeDevice> fake;
  fake = good_device([&](std::size_t) {
    if (fake->releases() == 0) throw Error(ErrorCode::out_of_memory, "another library wants some too");
  });
  std::shared_ptr<ModelBackend> backend = with_launching_thread(fake);
  if (replicated) backend = make_replica_set({backend});
  EstimatorOptions options;
  options.max_batch = 8;
  CHECK(all_right(run(PoseEstimator(Model(backend), options), Crowd(8)), 8));
  CHECK(fake->releases() == 1);
  set_log_callback({});
}

TEST_CASE("Random rounds of callers, failures, cancellations, deadlines and lost devices lose nothing and mix up nothing") {
#ifdef POSEKIT_SOAK
  constexpr unsigned rounds = 10000;
#else
  constexpr unsigned rounds = 60;
#endif
  set_log_callback([](LogLevel, std::string_view) {});
  std::size_t done = 0;
  std::atomic<std::size_t> mixed_up = 0;           // someone else's pose
  std::atomic<std::size_t> missing = 0;            // a person without an error, or an error without a missing person
  std::atomic<std::size_t> strange = 0;            // an error that nobody raised
  std::array<std::atomic<std::size_t>, 4> ends{};  // whole, failed, cancelled or late, lost
  for (unsigned round = 0; round < rounds; ++round) {
    std::mt19937 random(round);
    const auto below = [&](std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random); };
    std::vector<std::shared_ptr<FakeDevice>> devices;
    std::vector<std::shared_ptr<ModelBackend>> launched;
    const std::size_t replicas = 1 + below(3);
    std::atomic<std::size_t> submitted = 0;
    std::atomic<std::size_t> computed = 0;
    for (std::size_t i = 0; i < replicas; ++i) {
      const std::size_t fails_at = below(12);
      const std::size_t lost_from = below(3) == 0 ? below(16) : 1000000;
      const std::size_t refuses_at = below(12);
      devices.push_back(device(
          [&, fails_at, lost_from](std::size_t batch, const CropBatch& crops) {
            ++computed;
            if (batch >= lost_from) throw lost_device();
            if (batch == fails_at) throw Error(ErrorCode::internal, "computed wrongly");
            return peaks_of(crops);
          },
          [&, refuses_at, lost_from](std::size_t batch) {
            if (batch >= lost_from + 2) throw lost_device();
            if (batch == refuses_at) throw Error(ErrorCode::internal, "refused");
            ++submitted;
          }));
      launched.push_back(with_launching_thread(devices.back()));
    }
    {
      EstimatorOptions options;
      options.max_batch = 1 + below(3);
      options.executor = below(2) == 0 ? std::shared_ptr<Executor>(std::make_shared<SerialExecutor>()) : std::make_shared<ThreadPool>(2);
      const PoseEstimator estimator(Model(replicas == 1 ? launched.front() : make_replica_set(launched)), options);
      launched.clear();
      const std::size_t callers = 1 + below(4);
      std::vector<unsigned> seeds;
      for (std::size_t i = 0; i < callers; ++i) seeds.push_back(static_cast<unsigned>(random()));
      posekit_test::at_once(callers, [&](std::size_t caller) {
        std::mt19937 own(seeds[caller]);
        const std::size_t people = 1 + own() % 7;
        const int grey = 20 + static_cast<int>(caller) * 40;
        std::stop_source stop;
        RunControl control{.stop = stop.get_token(), .deadline = {}};
        if (own() % 4 == 0) control.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(own() % 2000);
        std::jthread canceller;
        if (own() % 4 == 0) {
          canceller = std::jthread([&stop, wait = own() % 1000] {
            std::this_thread::sleep_for(std::chrono::microseconds(wait));
            stop.request_stop();
          });
        }
        const ImageResult result = run(estimator, Crowd(people, grey), control);
        // Whoever has a pose has their own; whoever has none is the result's error.
        for (const Pose& pose : result.poses) {
          if (pose.keypoints.at(0).score != static_cast<float>(static_cast<std::size_t>(grey) + pose.box_index)) ++mixed_up;
        }
        if ((result.poses.size() == people) != (result.code == ErrorCode::ok)) ++missing;
        switch (result.code) {
          case ErrorCode::ok: ++ends[0]; break;
          case ErrorCode::internal: ++ends[1]; break;
          case ErrorCode::cancelled:
          case ErrorCode::deadline_exceeded: ++ends[2]; break;
          case ErrorCode::device_unavailable: ++ends[3]; break;
          default: ++strange; break;
        }
      });
      done += callers;
    }
    CHECK(submitted == computed);
    for (const auto& fake : devices) CHECK(fake->under_way() == 0);
  }
  set_log_callback({});
  CHECK(mixed_up == 0);
  CHECK(missing == 0);
  CHECK(strange == 0);
  std::size_t all = 0;
  for (const auto& count : ends) {
    CHECK(count > 0);
    all += count;
  }
  CHECK(all == done);
}
