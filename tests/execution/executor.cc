/// The executor's clauses, one test each, for every executor there is.
#include "posekit/executor.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iterator>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "posekit/error.h"
#include "support/fails_with.h"
#include "support/in_child.h"
#include "support/shuffling_executor.h"

using namespace posekit;
using posekit_test::in_child;

namespace {

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Executor>()> make;
};

std::vector<Kind> kinds() {
  std::vector<Kind> all{{"serial", [] { return std::make_unique<SerialExecutor>(); }},
                        {"shuffling", [] { return std::make_unique<posekit_test::ShufflingExecutor>(); }}};
  for (const std::size_t threads : {1U, 2U, 3U, 8U}) {
    all.push_back({"pool of " + std::to_string(threads), [threads] { return std::make_unique<ThreadPool>(threads); }});
  }
  return all;
}

std::ptrdiff_t threads_of_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
}

/// Whether the process comes to have so many threads: one that was joined may be listed for a moment longer.
bool comes_to_have_threads(std::ptrdiff_t count) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (threads_of_process() != count) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("Clause 1: every index is called exactly once, and no two tasks at once share a slot") {
  for (const Kind& kind : kinds()) {
    INFO(kind.name);
    const auto executor = kind.make();
    REQUIRE(executor->slots() >= 1);
    for (const std::size_t n : {1U, 2U, 7U, 1000U}) {
      std::vector<std::atomic<int>> calls(n);
      std::vector<std::atomic<int>> busy(executor->slots());
      std::atomic<int> violations = 0;
      executor->parallel_for(n, [&](std::size_t index, std::size_t slot) {
        if (slot >= busy.size() || busy[slot]++ != 0) ++violations;
        ++calls[index];
        if (slot < busy.size()) --busy[slot];
      });
      CHECK(violations == 0);
      CHECK(std::ranges::all_of(calls, [](const std::atomic<int>& count) { return count == 1; }));
    }
  }
}

TEST_CASE("Clause 2: all tasks have ended and their writes are visible when the call returns") {
  for (const Kind& kind : kinds()) {
    INFO(kind.name);
    const auto executor = kind.make();
    std::vector<std::size_t> plain(5000, 0);  // not atomic: a missing synchronisation is a race for the sanitizer to see
    executor->parallel_for(plain.size(), [&](std::size_t index, std::size_t) { plain[index] = index + 1; });
    bool complete = true;
    for (std::size_t i = 0; i < plain.size(); ++i) complete = complete && plain[i] == i + 1;
    CHECK(complete);
    bool called = false;
    executor->parallel_for(0, [&](std::size_t, std::size_t) { called = true; });
    CHECK_FALSE(called);
  }
}

TEST_CASE("Clause 3: the first exception is rethrown in the caller, and the executor stays usable") {
  for (const Kind& kind : kinds()) {
    INFO(kind.name);
    const auto executor = kind.make();
    std::atomic<std::size_t> calls = 0;
    const auto failing = [&](std::size_t index, std::size_t) {
      ++calls;
      throw std::runtime_error("task " + std::to_string(index));
    };
    CHECK_THROWS_AS(executor->parallel_for(10000, failing), std::runtime_error);
    CHECK(calls >= 1);
    CHECK(calls <= executor->slots());  // each thread fails at most once
    std::atomic<std::size_t> after = 0;
    executor->parallel_for(10, [&](std::size_t, std::size_t) { ++after; });
    CHECK(after == 10);
  }
}

TEST_CASE("Clause 3: the first by time of two exceptions is rethrown") {
  ThreadPool pool(2);
  const auto caller = std::this_thread::get_id();
  std::latch both(2);
  std::string message;
  try {
    pool.parallel_for(2, [&](std::size_t, std::size_t) {
      both.arrive_and_wait();  // the caller and the only worker are inside
      if (std::this_thread::get_id() != caller) throw std::runtime_error("first");
      // This call needs the worker too, so when it is over the worker has left its failed task.
      std::jthread([&] {
        std::barrier pair(2);
        pool.parallel_for(2, [&](std::size_t, std::size_t) { pair.arrive_and_wait(); });
      }).join();
      throw std::runtime_error("second");
    });
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  CHECK(message == "first");
}

TEST_CASE("Clause 4: an executor called from its own task runs inline") {
  for (const Kind& kind : kinds()) {
    INFO(kind.name);
    const auto executor = kind.make();
    std::atomic<std::size_t> calls = 0;
    std::atomic<int> elsewhere = 0;
    executor->parallel_for(8, [&](std::size_t, std::size_t) {
      const auto outer = std::this_thread::get_id();
      executor->parallel_for(8, [&](std::size_t, std::size_t) {
        if (std::this_thread::get_id() != outer) ++elsewhere;
        ++calls;
      });
    });
    CHECK(calls == 64);
    CHECK(elsewhere == 0);
  }
}

TEST_CASE("Clause 4: sixteen callers at once all get their work done") {
  for (const Kind& kind : kinds()) {
    INFO(kind.name);
    const auto executor = kind.make();
    std::atomic<std::size_t> calls = 0;
    {
      std::vector<std::jthread> callers;
      for (int i = 0; i < 16; ++i) {
        callers.emplace_back([&] {
          for (int round = 0; round < 20; ++round) executor->parallel_for(10, [&](std::size_t, std::size_t) { ++calls; });
        });
      }
    }
    CHECK(calls == 16 * 20 * 10);
  }
}

TEST_CASE("Clause 4: the caller works too, so a call ends although every worker is blocked") {
  ThreadPool pool(3);
  std::latch held(3);
  std::latch release(1);
  std::jthread holder([&] {
    pool.parallel_for(3, [&](std::size_t, std::size_t) {
      held.count_down();
      release.wait();
    });
  });
  held.wait();  // both workers and the holder are inside tasks
  std::size_t calls = 0;
  pool.parallel_for(100, [&](std::size_t, std::size_t) { ++calls; });  // on this thread alone
  CHECK(calls == 100);
  release.count_down();
}

TEST_CASE("A pool used from within another pool's tasks, while that waits for it, finishes") {
  ThreadPool outer(3);
  ThreadPool inner(3);
  std::atomic<std::size_t> calls = 0;
  outer.parallel_for(6, [&](std::size_t, std::size_t) {
    inner.parallel_for(6, [&](std::size_t, std::size_t) { outer.parallel_for(3, [&](std::size_t, std::size_t) { ++calls; }); });
  });
  CHECK(calls == 6 * 6 * 3);
}

TEST_CASE("Clause 5: a pool of n uses n threads, the caller's included, and a pool of one none but the caller's") {
  std::latch end(1);
  std::jthread first([&] { end.wait(); });  // a sanitizer starts a thread of its own beside the first one
  const std::ptrdiff_t before = threads_of_process();
  for (const std::size_t threads : {1U, 2U, 8U}) {
    {
      ThreadPool pool(threads);
      CHECK(pool.slots() == threads);
      CHECK(threads_of_process() == before + static_cast<std::ptrdiff_t>(threads) - 1);
    }
    CHECK(comes_to_have_threads(before));
  }

  std::jthread([&] {  // from a thread that is not the main one as well
    const std::ptrdiff_t here = threads_of_process();
    ThreadPool pool(1);
    const auto caller = std::this_thread::get_id();
    bool same = true;
    pool.parallel_for(100, [&](std::size_t, std::size_t) { same = same && std::this_thread::get_id() == caller; });
    CHECK(same);
    CHECK(threads_of_process() == here);
  })
      .join();
  end.count_down();
}

TEST_CASE("A pool really runs as many tasks at once as it has threads") {
  const std::size_t threads = GENERATE(std::size_t{2}, std::size_t{3}, std::size_t{8});
  ThreadPool pool(threads);
  std::barrier all(static_cast<std::ptrdiff_t>(threads));
  std::atomic<std::size_t> calls = 0;
  pool.parallel_for(threads, [&](std::size_t, std::size_t) {
    all.arrive_and_wait();  // passes only if all of them are inside
    ++calls;
  });
  CHECK(calls == threads);
}

TEST_CASE("ThreadPool refuses too many threads with their number") {
  posekit_test::fails_with([] { const ThreadPool pool(1000000); }, "pool", "1000000");
}

TEST_CASE("Clause 6: a forked child gets an error from the pool at once, and can end") {
  auto pool = std::make_unique<ThreadPool>(3);
  pool->parallel_for(10, [](std::size_t, std::size_t) {});
  const int refused = in_child([&] {
    int status = 1;
    try {
      pool->parallel_for(10, [](std::size_t, std::size_t) {});
    } catch (const Error& error) {
      if (error.code() == ErrorCode::forked) status = 0;
    }
    pool.reset();  // leaks rather than joins
    return status;
  });
  CHECK(refused == 0);
  std::atomic<int> calls = 0;
  pool->parallel_for(10, [&](std::size_t, std::size_t) { ++calls; });  // the parent's pool is as it was
  CHECK(calls == 10);
}
