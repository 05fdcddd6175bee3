/// struct_size: structs of the C interface from a caller of an older or a newer version.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <cstring>
#include <string>

#include "capi/objects.h"
#include "capi/small_models.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

/// A struct as a later version may have it.
template <class Struct>
struct Newer {
  Struct known;
  uint64_t later[2];
};

template <class Struct>
Newer<Struct> newer(const Struct& sound) {
  Newer<Struct> result;
  std::memset(&result, 0, sizeof result);
  result.known = sound;
  result.known.struct_size = sizeof result;
  return result;
}

/// Calls check(struct, call) for each option struct; the call makes an object with such options.
template <class Check>
void for_each_option_struct(Check check) {
  check(posekit_model_options POSEKIT_MODEL_OPTIONS_INIT, [](const posekit_model_options* options) {
    posekit_model* model = nullptr;
    const posekit_status status = posekit_model_load(small_models().pose_path.c_str(), options, &model);
    posekit_model_destroy(model);
    return status;
  });
  check(posekit_estimator_options POSEKIT_ESTIMATOR_OPTIONS_INIT, [](const posekit_estimator_options* options) {
    posekit_estimator* estimator = nullptr;
    const posekit_status status = posekit_estimator_create(small_models().pose.get(), options, &estimator);
    posekit_estimator_destroy(estimator);
    return status;
  });
  check(posekit_detector_options POSEKIT_DETECTOR_OPTIONS_INIT, [](const posekit_detector_options* options) {
    posekit_detector* detector = nullptr;
    const posekit_status status = posekit_detector_create(small_models().detect.get(), options, &detector);
    posekit_detector_destroy(detector);
    return status;
  });
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.run = [](void*, size_t, posekit_task, void*) -> posekit_status { return POSEKIT_OK; };
  check(callbacks, [](const posekit_executor_callbacks* given) {
    posekit_executor* executor = nullptr;
    const posekit_status status = posekit_executor_create_custom(given, &executor);
    posekit_executor_destroy(executor);
    return status;
  });
}

/// Calls check(struct, call) for each struct that a call fills.
template <class Check>
void for_each_filled_struct(Check check) {
  const auto result = estimate();
  const auto detections = detect();
  check(posekit_model_info POSEKIT_MODEL_INFO_INIT,
        [](posekit_model_info* out) { return posekit_model_get_info(small_models().pose.get(), out); });
  check(posekit_model_info POSEKIT_MODEL_INFO_INIT,
        [](posekit_model_info* out) { return posekit_model_get_info(small_models().detect.get(), out); });
  check(posekit_memory_report POSEKIT_MEMORY_REPORT_INIT,
        [](posekit_memory_report* out) { return posekit_model_measure_memory(small_models().pose.get(), out); });
  check(posekit_timings POSEKIT_TIMINGS_INIT, [&](posekit_timings* out) { return posekit_result_timings(result.get(), 0, out); });
  check(posekit_timings POSEKIT_TIMINGS_INIT, [&](posekit_timings* out) { return posekit_detections_timings(detections.get(), 0, out); });
}

}  // namespace

TEST_CASE("A struct whose struct_size is too small or absurd is refused") {
  const auto check = [](const auto& sound, auto call) {
    for (const size_t size : {size_t{0}, size_t{1}, sizeof sound - 1, size_t{1} << 20, SIZE_MAX}) {
      auto given = sound;
      given.struct_size = size;
      INFO("struct_size " << size);
      fails(call(&given), POSEKIT_ERROR_INVALID_ARGUMENT, "struct_size is " + std::to_string(size));
    }
  };
  for_each_option_struct(check);
  for_each_filled_struct(check);
}

TEST_CASE("An option struct of a newer version is taken while its new members are 0") {
  for_each_option_struct([](const auto& sound, auto call) {
    const auto given = newer(sound);
    ok(call(&given.known));
  });
}

TEST_CASE("An option struct that sets a new member of a newer version is refused as unsupported") {
  for_each_option_struct([](const auto& sound, auto call) {
    auto given = newer(sound);
    given.later[1] = 1;
    fails(call(&given.known), POSEKIT_ERROR_INVALID_ARGUMENT, "unsupported");
  });
}

TEST_CASE("A filled struct of a newer version keeps its struct_size, and its new members are 0") {
  for_each_filled_struct([](const auto& sound, auto call) {
    auto given = newer(sound);
    given.later[1] = 1;
    ok(call(&given.known));
    CHECK(given.known.struct_size == sizeof given);
    CHECK(given.later[1] == 0);
  });
}
