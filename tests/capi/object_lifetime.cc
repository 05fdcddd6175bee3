/// How long objects of the C interface live, and what a child of fork() may do with its parent's.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>

#include "capi/objects.h"
#include "capi/small_models.h"
#include "support/in_child.h"

using Catch::Matchers::ContainsSubstring;
using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words
using posekit_test::in_child;

TEST_CASE("Destroying NULL does nothing") {
  posekit_executor_destroy(nullptr);
  posekit_control_destroy(nullptr);
  posekit_keypoint_set_destroy(nullptr);
  posekit_model_destroy(nullptr);
  posekit_estimator_destroy(nullptr);
  posekit_result_destroy(nullptr);
  posekit_detector_destroy(nullptr);
  posekit_detections_destroy(nullptr);
  posekit_predictor_destroy(nullptr);
  posekit_tracker_destroy(nullptr);
  posekit_pipeline_destroy(nullptr);
  posekit_string_destroy(nullptr);
}

TEST_CASE("An estimator and a detector work on after their models are destroyed") {
  auto pose = load(small_models().pose_path);
  auto people = load(small_models().detect_path);
  const auto estimator = estimator_of(pose.get());
  const auto detector = detector_of(people.get());
  pose.reset();
  people.reset();
  (void)estimate(estimator.get());
  (void)made<Detections>([&](auto** out) { return posekit_detector_detect(detector.get(), &image, nullptr, out); });
}

TEST_CASE("A predictor works on after its estimator and detector are destroyed") {
  auto estimator = estimator_of(small_models().pose.get());
  auto detector = detector_of(small_models().detect.get());
  const auto predictor = predictor_of(estimator.get(), detector.get());
  estimator.reset();
  detector.reset();
  (void)made<Result>([&](auto** out) { return posekit_predictor_predict(predictor.get(), &image, nullptr, out); });
}

TEST_CASE("A model works on after the estimators that it has served are destroyed") {
  const auto model = load(small_models().pose_path);
  for (int i = 0; i < 2; ++i) (void)estimate(estimator_of(model.get()).get());
  posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  ok(posekit_model_get_info(model.get(), &info));
  CHECK(info.task == std::string("pose"));
}

TEST_CASE("A result works on after its estimator and executor are destroyed") {
  auto pool = thread_pool(2);
  auto estimator = estimator_on(pool.get());
  pool.reset();
  const auto result = estimate(estimator.get());
  estimator.reset();
  const auto json = made<Text>([&](auto** out) { return posekit_result_json(result.get(), 0, "a.jpg", out); });
  CHECK_THAT(json.get(), ContainsSubstring("left_eye"));
  size_t count = 0;
  ok(posekit_result_keypoint_count(result.get(), &count));
  CHECK(count == 2);
}

TEST_CASE("A keypoint set works on after its estimator is destroyed") {
  const auto set = set_of(estimator_of(load(small_models().pose_path).get()).get());
  const char* name = nullptr;
  ok(posekit_keypoint_set_keypoint_name(set.get(), 1, &name));
  CHECK(name == std::string("right_eye"));
}

TEST_CASE("A subset works on after the keypoint set that it is from is destroyed") {
  const size_t one = 1;
  auto set = builtin_set("coco17");
  const auto subset = made<KeypointSet>([&](auto** out) { return posekit_keypoint_set_create_subset(set.get(), &one, 1, out); });
  set.reset();
  const char* name = nullptr;
  ok(posekit_keypoint_set_name(subset.get(), &name));
  ok(posekit_keypoint_set_keypoint_name(subset.get(), 0, &name));
  CHECK(name == std::string("left_eye"));
}

TEST_CASE("A child of fork() is refused its parent's pool, model, estimator, detector and predictor at once") {
  auto pool = thread_pool(2);
  const posekit_estimator* estimator = small_models().estimator.get();
  const posekit_detector* detector = small_models().detector.get();
  const int status = in_child([&] {
    posekit_result* result = nullptr;
    posekit_detections* detections = nullptr;
    posekit_memory_report report = POSEKIT_MEMORY_REPORT_INIT;
    const auto task = [](void*, size_t, size_t) {};
    bool all = posekit_executor_parallel_for(pool.get(), 3, task, nullptr) == POSEKIT_ERROR_FORKED;
    all = posekit_estimator_estimate(estimator, &image, nullptr, 0, nullptr, &result) == POSEKIT_ERROR_FORKED && all;
    all = posekit_estimator_estimate_batch(estimator, nullptr, 0, nullptr, &result) == POSEKIT_ERROR_FORKED && all;
    all = posekit_detector_detect(detector, &image, nullptr, &detections) == POSEKIT_ERROR_FORKED && all;
    all = posekit_detector_detect_batch(detector, nullptr, 0, nullptr, &detections) == POSEKIT_ERROR_FORKED && all;
    all = posekit_predictor_predict_batch(small_models().predictor.get(), nullptr, 0, nullptr, &result) == POSEKIT_ERROR_FORKED && all;
    all = posekit_model_measure_memory(small_models().pose.get(), &report) == POSEKIT_ERROR_FORKED && all;
    all = posekit_last_error_message()[0] != 0 && all;
    pool.reset();
    return all ? 0 : 1;
  });
  CHECK(status == 0);
}

TEST_CASE("A child of fork() may destroy its parent's model, but makes no estimator or detector of it") {
  auto pose = load(small_models().pose_path);
  auto people = load(small_models().detect_path);
  const int status = in_child([&] {
    posekit_estimator* estimator = nullptr;
    posekit_detector* detector = nullptr;
    bool all = posekit_estimator_create(pose.get(), nullptr, &estimator) == POSEKIT_ERROR_FORKED;
    all = posekit_detector_create(people.get(), nullptr, &detector) == POSEKIT_ERROR_FORKED && all;
    pose.reset();
    people.reset();
    return all ? 0 : 1;
  });
  CHECK(status == 0);
}
