/// What goes wrong with pipelines through the C interface.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <string>

#include "capi/objects.h"
#include "capi/small_models.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

posekit_status drop(void* /*context*/, const posekit_frame* /*frame*/, int32_t /*detected*/, posekit_result* result) {
  posekit_result_destroy(result);
  return POSEKIT_OK;
}

/// Expects that no pipeline is made.
void create_refuses(const posekit_pipeline_options& options, const std::string& text) {
  refuses<posekit_pipeline*>(
      text, [&](auto** out) { return posekit_pipeline_create(small_models().predictor.get(), drop, nullptr, &options, out); });
}

Pipeline new_pipeline() {
  return made<Pipeline>([](auto** out) { return posekit_pipeline_create(small_models().predictor.get(), drop, nullptr, nullptr, out); });
}

}  // namespace

TEST_CASE("A pipeline's functions refuse NULL for a pipeline or an input, and reset their out parameters") {
  const auto pipeline = new_pipeline();
  const posekit_frame frame = POSEKIT_FRAME_INIT;
  posekit_metrics metrics = POSEKIT_METRICS_INIT;
  refuses_null<posekit_pipeline*>([](auto** out) { return posekit_pipeline_create(nullptr, drop, nullptr, nullptr, out); });
  refuses_null<posekit_pipeline*>(
      [&](auto** out) { return posekit_pipeline_create(small_models().predictor.get(), nullptr, nullptr, nullptr, out); });
  refuses_null<int32_t>([&](auto* accepted) { return posekit_pipeline_submit(nullptr, &frame, nullptr, accepted); });
  refuses_null<int32_t>([&](auto* accepted) { return posekit_pipeline_submit(pipeline.get(), nullptr, nullptr, accepted); });
  refuses_null([] { return posekit_pipeline_close(nullptr, nullptr); });
  refuses_null([] { return posekit_pipeline_cancel(nullptr); });
  refuses_null([&] { return posekit_pipeline_metrics(nullptr, &metrics); });
}

TEST_CASE("A pipeline's functions refuse NULL for an out parameter") {
  const auto pipeline = new_pipeline();
  const posekit_frame frame = POSEKIT_FRAME_INIT;
  refuses_null([] { return posekit_pipeline_create(small_models().predictor.get(), drop, nullptr, nullptr, nullptr); });
  refuses_null([&] { return posekit_pipeline_submit(pipeline.get(), &frame, nullptr, nullptr); });
  refuses_null([&] { return posekit_pipeline_metrics(pipeline.get(), nullptr); });
}

TEST_CASE("A pipeline option outside its range is refused and named") {
  posekit_pipeline_options options = POSEKIT_PIPELINE_OPTIONS_INIT;
  options.overflow = 3;
  create_refuses(options, "overflow is 3");
  options = POSEKIT_PIPELINE_OPTIONS_INIT;
  options.batch_wait_us = UINT64_MAX;
  create_refuses(options, "batch_wait_us is " + std::to_string(UINT64_MAX));
  options = POSEKIT_PIPELINE_OPTIONS_INIT;
  options.reserved = 1;
  create_refuses(options, "reserved is 1");
}

TEST_CASE("A tracker of another number of keypoints than the estimator's is refused for a pipeline") {
  const auto tracker = made<Tracker>([](auto** out) { return posekit_tracker_create(builtin_set("coco17").get(), nullptr, out); });
  posekit_pipeline_options options = POSEKIT_PIPELINE_OPTIONS_INIT;
  options.tracker = tracker.get();
  create_refuses(options, "17 keypoints, the estimator gives 2");
}
