/// What goes wrong with executors through the C interface, but for a caller's own that breaks its contract.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdint>

#include "capi/objects.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

Executor serial_executor() { return made<Executor>(posekit_executor_create_serial); }

posekit_executor_callbacks sound_callbacks() {
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.run = [](void*, size_t, posekit_task, void*) -> posekit_status { return POSEKIT_OK; };
  return callbacks;
}

}  // namespace

TEST_CASE("An executor's functions refuse NULL for an executor or an input, and reset their out parameters") {
  const auto task = [](void*, size_t, size_t) {};
  refuses_null<posekit_executor*>([](auto** out) { return posekit_executor_create_custom(nullptr, out); });
  refuses_null<size_t>([](auto* slots) { return posekit_executor_slots(nullptr, slots); });
  refuses_null([&] { return posekit_executor_parallel_for(nullptr, 1, task, nullptr); });
}

TEST_CASE("An executor's functions refuse NULL for a function that they need, and name it") {
  const posekit_executor_callbacks no_run = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  refuses<posekit_executor*>("run is NULL", [&](auto** out) { return posekit_executor_create_custom(&no_run, out); });
  const auto serial = serial_executor();
  refuses("task is NULL", [&] { return posekit_executor_parallel_for(serial.get(), 1, nullptr, nullptr); });
}

TEST_CASE("An executor's functions refuse NULL for an out parameter") {
  const posekit_executor_callbacks callbacks = sound_callbacks();
  const auto serial = serial_executor();
  refuses_null([] { return posekit_executor_create_serial(nullptr); });
  refuses_null([] { return posekit_executor_create_thread_pool(1, nullptr); });
  refuses_null([&] { return posekit_executor_create_custom(&callbacks, nullptr); });
  refuses_null([&] { return posekit_executor_slots(serial.get(), nullptr); });
}

TEST_CASE("An executor of more than 4096 threads or slots is refused") {
  const size_t huge = GENERATE(SIZE_MAX, SIZE_MAX / 2 + 1);
  refuses<posekit_executor*>("4096", [&](auto** out) { return posekit_executor_create_thread_pool(huge, out); });
  posekit_executor_callbacks callbacks = sound_callbacks();
  callbacks.slots = huge;
  refuses<posekit_executor*>("4096", [&](auto** out) { return posekit_executor_create_custom(&callbacks, out); });
}
