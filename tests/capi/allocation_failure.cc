/// An allocation that fails anywhere in a C call gives a status and a text, also when the text itself finds no memory.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "capi/objects.h"
#include "support/failing_allocator.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words
using posekit_test::allocations_left;
using posekit_test::blocks;
using posekit_test::fails_for_good;
using posekit_test::never;

namespace {

constexpr int most_points_of_failure = 20000;
constexpr const char* pose_model = R"({"format": "posekit-model/1", "task": "pose", "name": "fake", "input": {"width": 32, "height": 32},
  "output": {"codec": "heatmap", "width": 8, "height": 8},
  "keypoints": {"name": "two", "keypoints": [{"name": "left_eye", "swap": 1}, {"name": "right_eye", "swap": 0}], "links": [[0, 1]]}})";
constexpr const char* detect_model =
    R"({"format": "posekit-model/1", "task": "detect", "input": {"width": 32, "height": 32}, "output": {"codec": "boxes_scores"}})";

Model load_document(const char* document) {
  return made<Model>([&](auto** out) { return posekit_model_load_from_memory(document, std::strlen(document), nullptr, out); });
}

/// Has the built-in sets read. Reading JSON is no part of these tests: nlohmann-json's destructors allocate, and end the program if they
/// can't.
void read_builtin_sets() {
  posekit_keypoint_set* set = nullptr;
  REQUIRE(posekit_keypoint_set_create_builtin("coco17", &set) == POSEKIT_OK);
  posekit_keypoint_set_destroy(set);
}

/// Runs the call with the k-th allocation failing, and with all from the k-th on, k = 0, 1, …, until a run meets no failure.
/// @return how many runs failed
template <class Call>
int fail_everywhere(Call call) {
  int failures = 0;
  for (const bool for_good : {false, true}) {
    for (int k = 0;; ++k) {
      REQUIRE(k < most_points_of_failure);
      const long before = blocks;
      fails_for_good = for_good;
      allocations_left = k;
      const posekit_status status = call();
      const char* message = posekit_last_error_message();  // while memory is still out
      const bool met = for_good ? allocations_left == 0 : allocations_left == never;
      allocations_left = never;
      if (status == POSEKIT_OK) {
        if (!met) break;
        continue;  // a failure that was mended on the way, for example a cache that was not filled
      }
      ++failures;
      CHECK(met);
      CHECK((status == POSEKIT_ERROR_OUT_OF_MEMORY || status == POSEKIT_ERROR_NOT_FOUND || status == POSEKIT_ERROR_INVALID_ARGUMENT));
      CHECK((message != nullptr && message[0] != 0));
      CHECK(blocks <= before + 64);  // memory kept for the next call, not lost again and again
    }
  }
  return failures;
}

/// A call that makes an object and destroys it. It aborts unless there is an object exactly if the call succeeded.
template <class Owned, class Make>
auto making(Make make) {
  return [make] {
    typename Owned::pointer object = nullptr;
    const posekit_status status = make(&object);
    const Owned owner(object);
    if ((status == POSEKIT_OK) != (object != nullptr)) std::abort();
    return status;
  };
}

}  // namespace

TEST_CASE("An error whose text finds no memory still has its status and a static text") {
  read_builtin_sets();
  posekit_keypoint_set* set = nullptr;
  const std::string name(200, 'x');
  int with_static_text = 0;
  for (int k = 0; k < 200; ++k) {
    fails_for_good = true;
    allocations_left = k;
    const posekit_status status = posekit_keypoint_set_create_builtin(name.c_str(), &set);
    const char* message = posekit_last_error_message();
    allocations_left = never;
    REQUIRE(status != POSEKIT_OK);
    REQUIRE(message != nullptr);
    const bool is_static = std::string(message).starts_with("memory ran out");
    CHECK((is_static || std::string(message).find(name) != std::string::npos));
    CHECK((status == POSEKIT_ERROR_OUT_OF_MEMORY || status == POSEKIT_ERROR_NOT_FOUND));
    if (status == POSEKIT_ERROR_NOT_FOUND && is_static) ++with_static_text;
  }
  CHECK(with_static_text > 0);  // the error was made, and its copy for this thread found no memory
}

TEST_CASE("Making objects with an allocation failing anywhere gives them or out_of_memory, and out parameters are NULL") {
  read_builtin_sets();
  CHECK(fail_everywhere(making<Executor>(posekit_executor_create_serial)) >= 2);
  CHECK(fail_everywhere(making<Control>(posekit_control_create)) >= 2);
  CHECK(fail_everywhere(making<KeypointSet>([](auto** out) { return posekit_keypoint_set_create_builtin("coco17", out); })) > 20);
}

TEST_CASE("Making an estimator, detector or predictor with an allocation failing anywhere gives it or out_of_memory") {
  const auto pose = load_document(pose_model);
  const auto people = load_document(detect_model);
  CHECK(fail_everywhere(making<Estimator>([&](auto** out) { return posekit_estimator_create(pose.get(), nullptr, out); })) > 4);
  CHECK(fail_everywhere(making<Detector>([&](auto** out) { return posekit_detector_create(people.get(), nullptr, out); })) > 4);
  const auto estimator = estimator_of(pose.get());
  CHECK(fail_everywhere(making<Predictor>([&](auto** out) { return posekit_predictor_create(estimator.get(), nullptr, out); })) >= 2);
}

TEST_CASE("A custom executor's opaque pointer is given back exactly if the executor was made") {
  static int given_back = 0;
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.run = [](void*, size_t count, posekit_task task, void* context) -> posekit_status {
    for (size_t i = 0; i < count; ++i) task(context, i, 0);
    return POSEKIT_OK;
  };
  callbacks.destroy = [](void*) { ++given_back; };
  CHECK(fail_everywhere([&] {
          given_back = 0;
          posekit_executor* executor = nullptr;
          posekit_status status = posekit_executor_create_custom(&callbacks, &executor);
          if (status != POSEKIT_OK && given_back != 0) std::abort();
          if (status == POSEKIT_OK)
            status = posekit_executor_parallel_for(
                executor, 3, [](void*, size_t, size_t) {}, nullptr);
          const bool made = executor != nullptr;
          posekit_executor_destroy(executor);
          if (given_back != (made ? 1 : 0)) std::abort();
          return status;
        }) >= 4);
}

TEST_CASE("Estimating and reading results with an allocation failing anywhere ends in a status, and the next call is whole") {
  const auto estimator = estimator_of(load_document(pose_model).get());
  const std::vector<uint8_t> pixels(std::size_t{64} * 48, 90);
  const posekit_image image = host_image(pixels.data(), 64, 48, POSEKIT_PIXEL_FORMAT_GRAY8);
  const posekit_box boxes[] = {{5, 5, 40, 40, 0, 0}, {1, 1, 1, 1, 0, 0}, {10, 10, 60, 44, 0, 0}};
  const auto call = [&] {
    posekit_result* result = nullptr;
    posekit_keypoint_set* set = nullptr;
    char* json = nullptr;
    size_t count = 0;
    float values[12];
    posekit_status status = posekit_estimator_estimate(estimator.get(), &image, boxes, 3, nullptr, &result);
    if (status == POSEKIT_OK) status = posekit_result_copy_keypoints(result, values, 12, &count);
    if (status == POSEKIT_OK) status = posekit_result_json(result, 0, "a.jpg", &json);
    if (status == POSEKIT_OK) status = posekit_estimator_keypoint_set(estimator.get(), &set);
    if (status == POSEKIT_OK && count != 12) std::abort();
    posekit_string_destroy(json);
    posekit_keypoint_set_destroy(set);
    posekit_result_destroy(result);
    return status;
  };
  CHECK(fail_everywhere(call) > 40);
  CHECK(call() == POSEKIT_OK);
}

TEST_CASE("Detecting with an allocation failing anywhere ends in a status, and the next call is whole") {
  const auto detector = detector_of(load_document(detect_model).get());
  const std::vector<uint8_t> pixels(std::size_t{64} * 48, 90);
  const posekit_image image = host_image(pixels.data(), 64, 48, POSEKIT_PIXEL_FORMAT_GRAY8);
  const auto call = [&] {
    posekit_detections* detections = nullptr;
    const posekit_status status = posekit_detector_detect(detector.get(), &image, nullptr, &detections);
    posekit_detections_destroy(detections);
    return status;
  };
  CHECK(fail_everywhere(call) > 10);
  CHECK(call() == POSEKIT_OK);
}

TEST_CASE("Predicting with an allocation failing anywhere ends in a status, and the next call is whole") {
  const auto predictor =
      predictor_of(estimator_of(load_document(pose_model).get()).get(), detector_of(load_document(detect_model).get()).get());
  const std::vector<uint8_t> pixels(std::size_t{64} * 48, 90);
  const posekit_predictor_input input{host_image(pixels.data(), 64, 48, POSEKIT_PIXEL_FORMAT_GRAY8), nullptr, 0, 0, 0};
  const auto call = [&] {
    posekit_result* result = nullptr;
    const posekit_status status = posekit_predictor_predict_batch(predictor.get(), &input, 1, nullptr, &result);
    if ((status == POSEKIT_OK) != (result != nullptr)) std::abort();
    posekit_result_destroy(result);
    return status;
  };
  CHECK(fail_everywhere(call) > 10);
  CHECK(call() == POSEKIT_OK);
}
