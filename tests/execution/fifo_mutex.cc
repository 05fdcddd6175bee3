/// FifoMutex: one at a time, in order, with waiting that ends.
#include "execution/fifo_mutex.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <latch>
#include <optional>
#include <thread>
#include <vector>

#include "posekit/error.h"

using namespace posekit;

namespace {

ErrorCode code_of(FifoMutex& mutex, const RunControl& control) {
  try {
    const FifoLock turn(mutex, control);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::ok;
}

}  // namespace

TEST_CASE("Only one caller at a time has the turn") {
  FifoMutex mutex;
  std::atomic<int> inside = 0;
  std::atomic<int> violations = 0;
  int plain = 0;  // not atomic: guarded by the turn
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        for (int round = 0; round < 100; ++round) {
          const FifoLock turn(mutex, {});
          violations += inside++ == 0 ? 0 : 1;
          ++plain;
          --inside;
        }
      });
    }
  }
  CHECK(violations == 0);
  CHECK(plain == 800);
}

TEST_CASE("Waiting for a turn ends at the deadline and on cancellation, and the next caller gets the turn") {
  FifoMutex mutex;
  std::optional<FifoLock> held;
  held.emplace(mutex, RunControl{});
  CHECK(code_of(mutex, {.stop = {}, .deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5)}) ==
        ErrorCode::deadline_exceeded);

  std::stop_source source;
  std::latch waiting(1);
  ErrorCode code = ErrorCode::ok;
  std::jthread waiter([&] {
    waiting.count_down();
    code = code_of(mutex, {.stop = source.get_token(), .deadline = std::nullopt});
  });
  waiting.wait();
  source.request_stop();
  waiter.join();
  CHECK(code == ErrorCode::cancelled);

  std::jthread next([&] { code = code_of(mutex, {}); });
  held.reset();
  next.join();
  CHECK(code == ErrorCode::ok);
}
