/// What ends calls of the C interface early, and what does not.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <cstring>
#include <thread>

#include "capi/objects.h"
#include "capi/small_models.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

Control new_control() { return made<Control>(posekit_control_create); }

/// A control that ends every call, and the status that calls end with.
struct Ended {
  Control control;
  posekit_status status = POSEKIT_OK;
};

Ended cancelled() {
  Ended ended{.control = new_control(), .status = POSEKIT_ERROR_CANCELLED};
  ok(posekit_control_cancel(ended.control.get()));
  return ended;
}

Ended expired() {
  Ended ended{.control = new_control(), .status = POSEKIT_ERROR_DEADLINE_EXCEEDED};
  ok(posekit_control_set_deadline(ended.control.get(), 0));
  return ended;
}

}  // namespace

TEST_CASE("A control's functions refuse NULL") {
  refuses_null([] { return posekit_control_create(nullptr); });
  refuses_null([] { return posekit_control_cancel(nullptr); });
  refuses_null([] { return posekit_control_set_deadline(nullptr, 1); });
}

TEST_CASE("A cancelled or expired control ends calls for one image") {
  for (const auto& end : {cancelled, expired}) {
    const Ended ended = end();
    posekit_result* result = nullptr;
    posekit_detections* detections = nullptr;
    std::memset(&result, 0x5a, sizeof result);
    std::memset(&detections, 0x5a, sizeof detections);
    CHECK(posekit_estimator_estimate(small_models().estimator.get(), &image, two_boxes.data(), 2, ended.control.get(), &result) ==
          ended.status);
    CHECK(result == nullptr);
    CHECK(posekit_detector_detect(small_models().detector.get(), &image, ended.control.get(), &detections) == ended.status);
    CHECK(detections == nullptr);
  }
}

TEST_CASE("A cancelled or expired control is reported for each image of a batch") {
  for (const auto& end : {cancelled, expired}) {
    const Ended ended = end();
    const posekit_control* control = ended.control.get();
    const posekit_image_boxes batch{image, two_boxes.data(), 2};
    const auto result =
        made<Result>([&](auto** out) { return posekit_estimator_estimate_batch(small_models().estimator.get(), &batch, 1, control, out); });
    const auto detections =
        made<Detections>([&](auto** out) { return posekit_detector_detect_batch(small_models().detector.get(), &image, 1, control, out); });
    posekit_status status = 0;
    const char* message = nullptr;
    ok(posekit_result_status(result.get(), 0, &status, &message));
    CHECK(status == ended.status);
    ok(posekit_detections_status(detections.get(), 0, &status, &message));
    CHECK(status == ended.status);
    CHECK(message[0] != 0);
  }
}

TEST_CASE("A deadline far away, or none, ends no call") {
  const auto control = new_control();
  for (const uint64_t away : {uint64_t{3'600'000'000'000}, POSEKIT_NO_DEADLINE - 1, POSEKIT_NO_DEADLINE, uint64_t{INT64_MAX}}) {
    ok(posekit_control_set_deadline(control.get(), 0));
    ok(posekit_control_set_deadline(control.get(), away));
    (void)made<Result>([&](auto** out) {
      return posekit_estimator_estimate(small_models().estimator.get(), &image, two_boxes.data(), 2, control.get(), out);
    });
  }
}

TEST_CASE("A call under way is cancelled from another thread") {
  const auto control = new_control();
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.opaque = control.get();
  callbacks.slots = 2;
  // The first batch's tasks cancel, from a thread of their own: later batches are not begun.
  callbacks.run = [](void* opaque, size_t count, posekit_task task, void* context) -> posekit_status {
    std::thread([&] { (void)posekit_control_cancel(static_cast<posekit_control*>(opaque)); }).join();
    for (size_t i = 0; i < count; ++i) task(context, i, 0);
    return POSEKIT_OK;
  };
  const auto executor = made<Executor>([&](auto** out) { return posekit_executor_create_custom(&callbacks, out); });
  const auto estimator = estimator_on(executor.get());
  posekit_result* result = nullptr;
  CHECK(posekit_estimator_estimate(estimator.get(), &image, two_boxes.data(), 2, control.get(), &result) == POSEKIT_ERROR_CANCELLED);
}
