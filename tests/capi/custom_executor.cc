/// Executors of callbacks: kept to their contract, whatever they do.
#include <posekit_c.h>

#include <atomic>
#include <barrier>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "capi/objects.h"
#include "capi/small_models.h"
#include "posekit/error.h"

using Catch::Matchers::ContainsSubstring;
using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

using Run = posekit_status (*)(void*, size_t, posekit_task, void*);

Executor make(Run run, void* opaque = nullptr, size_t slots = 2, void (*destroy)(void*) = nullptr) {
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.opaque = opaque;
  callbacks.slots = slots;
  callbacks.run = run;
  callbacks.destroy = destroy;
  return made<Executor>([&](auto** out) { return posekit_executor_create_custom(&callbacks, out); });
}

/// How often each task of a call has run.
struct Tally {
  std::vector<std::atomic<int>> runs;
  explicit Tally(std::size_t count) : runs(count) {}
  static void task(void* context, size_t index, size_t) { ++static_cast<Tally*>(context)->runs[index]; }
  int most() const {
    int result = 0;
    for (const auto& count : runs) result = std::max(result, count.load());
    return result;
  }
};

posekit_status run_threaded(void* /*opaque*/, size_t count, posekit_task task, void* context) {
  std::atomic<size_t> next = 0;
  std::vector<std::jthread> threads;
  for (size_t slot = 0; slot < 4; ++slot) {
    threads.emplace_back([&, slot] {
      for (size_t i = next++; i < count; i = next++) task(context, i, slot);
    });
  }
  return POSEKIT_OK;
}

posekit_status run_in_order(void* /*opaque*/, size_t count, posekit_task task, void* context) {
  for (size_t i = 0; i < count; ++i) task(context, i, 0);
  return POSEKIT_OK;
}

}  // namespace

TEST_CASE("An executor of callbacks runs every task once, from as many threads as it likes") {
  const auto executor = make(run_threaded, nullptr, 4);
  Tally tally(1000);
  REQUIRE(posekit_executor_parallel_for(executor.get(), tally.runs.size(), Tally::task, &tally) == POSEKIT_OK);
  for (const auto& count : tally.runs) CHECK(count == 1);
}

TEST_CASE("A run that breaks the contract ends its call with invalid_argument, and no task runs twice") {
  struct Fault {
    const char* text;
    Run run;
  };
  const auto fault =
      GENERATE(Fault{"left out task 0 of 3", [](void*, size_t, posekit_task, void*) -> posekit_status { return POSEKIT_OK; }},
               Fault{"left out task 1 of 3",
                     [](void*, size_t, posekit_task task, void* context) -> posekit_status {
                       task(context, 0, 0);
                       task(context, 2, 0);
                       return POSEKIT_OK;
                     }},
               Fault{"task 1 twice",
                     [](void*, size_t count, posekit_task task, void* context) -> posekit_status {
                       for (size_t i = 0; i < count; ++i) task(context, i, 0);
                       task(context, 1, 1);
                       return POSEKIT_OK;
                     }},
               Fault{"task 3 of 3",
                     [](void*, size_t count, posekit_task task, void* context) -> posekit_status {
                       for (size_t i = 0; i <= count; ++i) task(context, i, 0);
                       return POSEKIT_OK;
                     }},
               Fault{"task 18446744073709551615 of 3",
                     [](void*, size_t, posekit_task task, void* context) -> posekit_status {
                       task(context, SIZE_MAX, SIZE_MAX);
                       return POSEKIT_OK;
                     }},
               Fault{"slot 2 of 2", [](void*, size_t count, posekit_task task, void* context) -> posekit_status {
                       for (size_t i = 0; i < count; ++i) task(context, i, i);
                       return POSEKIT_OK;
                     }});
  const auto executor = make(fault.run);
  Tally tally(3);
  CHECK(posekit_executor_parallel_for(executor.get(), 3, Tally::task, &tally) == POSEKIT_ERROR_INVALID_ARGUMENT);
  CHECK_THAT(posekit_last_error_message(), ContainsSubstring(fault.text));
  CHECK(tally.most() <= 1);

  const auto sound = make(run_in_order);  // the next call is not harmed
  CHECK(posekit_executor_parallel_for(sound.get(), 3, Tally::task, &tally) == POSEKIT_OK);
}

TEST_CASE("A task that shares a slot with one that runs is not run, and the call fails") {
  struct Meeting {
    std::barrier<> inside{2};
    std::barrier<> done{2};
    std::atomic<int> ran = 0;
  } meeting;
  const auto executor = make(
      [](void* opaque, size_t, posekit_task task, void* context) -> posekit_status {
        auto& meet = *static_cast<Meeting*>(opaque);
        std::jthread first([&] { task(context, 0, 1); });
        meet.inside.arrive_and_wait();  // task 0 is at work
        task(context, 1, 1);
        (void)meet.done.arrive();
        return POSEKIT_OK;
      },
      &meeting);
  const auto task = [](void* context, size_t index, size_t) {
    auto& meet = *static_cast<Meeting*>(context);
    ++meet.ran;
    if (index == 0) {
      meet.inside.arrive_and_wait();
      meet.done.arrive_and_wait();
    }
  };
  CHECK(posekit_executor_parallel_for(executor.get(), 2, task, &meeting) == POSEKIT_ERROR_INVALID_ARGUMENT);
  CHECK_THAT(posekit_last_error_message(), ContainsSubstring("another task uses"));
  CHECK(meeting.ran == 1);
}

TEST_CASE("A call ends with the status that run returns") {
  posekit_status answer = GENERATE(posekit_status{POSEKIT_ERROR_CANCELLED}, posekit_status{POSEKIT_ERROR_INTERNAL}, -5, 77);
  const auto executor = make(
      [](void* opaque, size_t count, posekit_task task, void* context) -> posekit_status {
        (void)run_in_order(nullptr, count, task, context);
        return *static_cast<posekit_status*>(opaque);
      },
      &answer);
  Tally tally(3);
  const bool known = answer > 0 && answer <= POSEKIT_ERROR_INTERNAL;
  CHECK(posekit_executor_parallel_for(executor.get(), 3, Tally::task, &tally) == (known ? answer : POSEKIT_ERROR_INTERNAL));
  CHECK_THAT(posekit_last_error_message(), ContainsSubstring("returned " + std::to_string(answer)));
}

TEST_CASE("A task that throws ends the call with its error, skips later tasks, and throws nothing through the callback") {
  struct State {
    int begun = 0;
    bool returned = false;
  } state;
  const auto executor = make(
      [](void* opaque, size_t count, posekit_task task, void* context) -> posekit_status {
        (void)run_in_order(nullptr, count, task, context);
        static_cast<State*>(opaque)->returned = true;
        return POSEKIT_OK;
      },
      &state);
  const auto throwing = [](void* context, size_t index, size_t) {
    ++static_cast<State*>(context)->begun;
    if (index == 1) throw posekit::Error(posekit::ErrorCode::io, "task one");
  };
  CHECK(posekit_executor_parallel_for(executor.get(), 5, throwing, &state) == POSEKIT_ERROR_IO);
  CHECK(posekit_last_error_message() == std::string("task one"));
  CHECK(state.returned);
  CHECK(state.begun == 2);
}

TEST_CASE("A call from within a task runs on its thread, and run is not called again") {
  struct State {
    posekit_executor* executor = nullptr;
    int calls = 0;
    Tally tally{4};
  } state;
  const auto executor = make(
      [](void* opaque, size_t count, posekit_task task, void* context) -> posekit_status {
        ++static_cast<State*>(opaque)->calls;
        return run_in_order(nullptr, count, task, context);
      },
      &state);
  state.executor = executor.get();
  const auto outer = [](void* context, size_t, size_t) {
    auto& mine = *static_cast<State*>(context);
    (void)posekit_executor_parallel_for(mine.executor, mine.tally.runs.size(), Tally::task, &mine.tally);
  };
  REQUIRE(posekit_executor_parallel_for(executor.get(), 2, outer, &state) == POSEKIT_OK);
  CHECK(state.calls == 1);
  for (const auto& count : state.tally.runs) CHECK(count == 2);
}

TEST_CASE("An executor's opaque pointer is given back once, when the last user is gone") {
  int destroyed = 0;
  const auto count_it = [](void* opaque) { ++*static_cast<int*>(opaque); };
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.opaque = &destroyed;
  callbacks.destroy = count_it;
  posekit_executor* refused = nullptr;
  CHECK(posekit_executor_create_custom(&callbacks, &refused) == POSEKIT_ERROR_INVALID_ARGUMENT);  // no run
  CHECK(destroyed == 0);

  auto executor = make(run_in_order, &destroyed, 1, count_it);
  auto estimator = estimator_on(executor.get());
  executor.reset();
  CHECK(destroyed == 0);
  estimator.reset();
  CHECK(destroyed == 1);
}

TEST_CASE("An executor that fails while a model is used fails that call, and says so") {
  const auto fault = GENERATE(Run{[](void*, size_t, posekit_task, void*) -> posekit_status { return POSEKIT_ERROR_OUT_OF_MEMORY; }},
                              Run{[](void*, size_t, posekit_task, void*) -> posekit_status { return POSEKIT_OK; }});
  const auto executor = make(fault);
  const auto estimator = estimator_on(executor.get());
  posekit_result* result = nullptr;
  const posekit_status status = posekit_estimator_estimate(estimator.get(), &image, two_boxes.data(), two_boxes.size(), nullptr, &result);
  CHECK((status == POSEKIT_ERROR_OUT_OF_MEMORY || status == POSEKIT_ERROR_INVALID_ARGUMENT));
  CHECK_THAT(posekit_last_error_message(), ContainsSubstring("the executor's run"));
  CHECK(result == nullptr);
}
