/// What goes wrong with results through the C interface.
#include <posekit_c.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "capi/objects.h"
#include "capi/small_models.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

TEST_CASE("A result's functions refuse NULL for a result or an input, and reset their out parameters") {
  const auto result = estimate();
  posekit_timings timings = POSEKIT_TIMINGS_INIT;
  refuses_null<size_t>([](auto* count) { return posekit_result_image_count(nullptr, count); });
  refuses_null<size_t>([](auto* count) { return posekit_result_keypoint_count(nullptr, count); });
  refuses_null<posekit_status, const char*>([](auto* status, auto** text) { return posekit_result_status(nullptr, 0, status, text); });
  refuses_null<const float*, size_t>([](auto** floats, auto* count) { return posekit_result_keypoints(nullptr, 0, floats, count); });
  refuses_null<const posekit_box*, size_t>([](auto** boxes, auto* count) { return posekit_result_boxes(nullptr, 0, boxes, count); });
  refuses_null<const size_t*, size_t>([](auto** indices, auto* count) { return posekit_result_box_indices(nullptr, 0, indices, count); });
  refuses_null<const int64_t*, size_t>([](auto** ids, auto* count) { return posekit_result_track_ids(nullptr, 0, ids, count); });
  refuses_null<size_t>([](auto* count) { return posekit_result_box_error_count(nullptr, 0, count); });
  refuses_null<size_t, posekit_status, const char*>(
      [](auto* box, auto* status, auto** text) { return posekit_result_box_error(nullptr, 0, 0, box, status, text); });
  refuses_null([&] { return posekit_result_timings(nullptr, 0, &timings); });
  refuses_null<size_t>([](auto* count) { return posekit_result_copy_keypoints(nullptr, nullptr, 0, count); });
  refuses_null<size_t>([&](auto* count) { return posekit_result_copy_keypoints(result.get(), nullptr, 12, count); });
  refuses_null<char*>([](auto** json) { return posekit_result_json(nullptr, 0, "", json); });
  refuses_null<char*>([](auto** json) { return posekit_result_coco_entries(nullptr, 0, 1, nullptr, json); });
  refuses_null<const posekit_box*, size_t>([](auto** boxes, auto* count) { return posekit_result_input_boxes(nullptr, 0, boxes, count); });
  refuses_null<int32_t>([](auto* detected) { return posekit_result_detected(nullptr, 0, detected); });
}

TEST_CASE("A result's functions refuse NULL for an out parameter, and reset the other ones") {
  const auto owner = estimate();
  const posekit_result* result = owner.get();
  refuses_null([&] { return posekit_result_image_count(result, nullptr); });
  refuses_null([&] { return posekit_result_keypoint_count(result, nullptr); });
  refuses_null<const char*>([&](auto** text) { return posekit_result_status(result, 0, nullptr, text); });
  refuses_null<posekit_status>([&](auto* status) { return posekit_result_status(result, 0, status, nullptr); });
  refuses_null<size_t>([&](auto* count) { return posekit_result_keypoints(result, 0, nullptr, count); });
  refuses_null<const float*>([&](auto** floats) { return posekit_result_keypoints(result, 0, floats, nullptr); });
  refuses_null<size_t>([&](auto* count) { return posekit_result_boxes(result, 0, nullptr, count); });
  refuses_null<const posekit_box*>([&](auto** boxes) { return posekit_result_boxes(result, 0, boxes, nullptr); });
  refuses_null<size_t>([&](auto* count) { return posekit_result_box_indices(result, 0, nullptr, count); });
  refuses_null<const size_t*>([&](auto** indices) { return posekit_result_box_indices(result, 0, indices, nullptr); });
  refuses_null<size_t>([&](auto* count) { return posekit_result_track_ids(result, 0, nullptr, count); });
  refuses_null<const int64_t*>([&](auto** ids) { return posekit_result_track_ids(result, 0, ids, nullptr); });
  refuses_null([&] { return posekit_result_box_error_count(result, 0, nullptr); });
  refuses_null<posekit_status, const char*>(
      [&](auto* status, auto** text) { return posekit_result_box_error(result, 0, 0, nullptr, status, text); });
  refuses_null<size_t, const char*>([&](auto* box, auto** text) { return posekit_result_box_error(result, 0, 0, box, nullptr, text); });
  refuses_null<size_t, posekit_status>(
      [&](auto* box, auto* status) { return posekit_result_box_error(result, 0, 0, box, status, nullptr); });
  refuses_null([&] { return posekit_result_timings(result, 0, nullptr); });
  refuses_null([&] { return posekit_result_copy_keypoints(result, nullptr, 0, nullptr); });
  refuses_null([&] { return posekit_result_json(result, 0, "", nullptr); });
  refuses_null([&] { return posekit_result_coco_entries(result, 0, 1, nullptr, nullptr); });
  refuses_null<size_t>([&](auto* count) { return posekit_result_input_boxes(result, 0, nullptr, count); });
  refuses_null<const posekit_box*>([&](auto** boxes) { return posekit_result_input_boxes(result, 0, boxes, nullptr); });
  refuses_null([&] { return posekit_result_detected(result, 0, nullptr); });
}

TEST_CASE("An index beyond the end of a result is refused with the number there is") {
  const size_t beyond = GENERATE(size_t{1000}, SIZE_MAX);
  const auto owner = estimate();
  const posekit_result* result = owner.get();
  const std::string text = ", but there are ";
  posekit_timings timings = POSEKIT_TIMINGS_INIT;
  refuses<posekit_status, const char*>(
      text, [&](auto* status, auto** message) { return posekit_result_status(result, beyond, status, message); });
  refuses<const float*, size_t>(text, [&](auto** floats, auto* count) { return posekit_result_keypoints(result, beyond, floats, count); });
  refuses<const posekit_box*, size_t>(text, [&](auto** boxes, auto* count) { return posekit_result_boxes(result, beyond, boxes, count); });
  refuses<const size_t*, size_t>(text,
                                 [&](auto** indices, auto* count) { return posekit_result_box_indices(result, beyond, indices, count); });
  refuses<const int64_t*, size_t>(text, [&](auto** ids, auto* count) { return posekit_result_track_ids(result, beyond, ids, count); });
  refuses<size_t>(text, [&](auto* count) { return posekit_result_box_error_count(result, beyond, count); });
  for (const auto& [image_index, error] : {std::pair{beyond, size_t{0}}, {size_t{0}, beyond}}) {
    refuses<size_t, posekit_status, const char*>(text, [&](auto* box, auto* status, auto** message) {
      return posekit_result_box_error(result, image_index, error, box, status, message);
    });
  }
  refuses(text, [&] { return posekit_result_timings(result, beyond, &timings); });
  refuses<char*>(text, [&](auto** json) { return posekit_result_json(result, beyond, "", json); });
  refuses<char*>(text, [&](auto** json) { return posekit_result_coco_entries(result, beyond, 1, nullptr, json); });
  refuses<const posekit_box*, size_t>(text,
                                      [&](auto** boxes, auto* count) { return posekit_result_input_boxes(result, beyond, boxes, count); });
  refuses<int32_t>(text, [&](auto* detected) { return posekit_result_detected(result, beyond, detected); });
}

TEST_CASE("A buffer that is too small for a result's keypoints is not written to, and the need is reported") {
  const auto result = estimate();
  const size_t count = 2 * 2 * 3;
  std::vector<float> buffer(count, -7);
  for (const size_t capacity : {size_t{1}, count - 1}) {
    refuses<size_t>("12 are needed",
                    [&](auto* needed) { return posekit_result_copy_keypoints(result.get(), buffer.data(), capacity, needed); });
  }
  CHECK(buffer == std::vector<float>(count, -7));
}

TEST_CASE("A buffer with room to spare gets a result's keypoints") {
  const auto result = estimate();
  size_t count = 0;
  ok(posekit_result_copy_keypoints(result.get(), nullptr, 0, &count));
  REQUIRE(count == 2 * 2 * 3);
  std::vector<float> buffer(count, -7);
  ok(posekit_result_copy_keypoints(result.get(), buffer.data(), SIZE_MAX, &count));
  const float* keypoints = nullptr;
  size_t persons = 0;
  ok(posekit_result_keypoints(result.get(), 0, &keypoints, &persons));
  CHECK(std::equal(buffer.begin(), buffer.end(), keypoints));
}

TEST_CASE("An object keypoint similarity without an array is refused, and its out parameter is reset") {
  const float point[3] = {1, 2, 1};
  const double sigma = 0.05;
  refuses<double>("pose is NULL", [&](auto* out) { return posekit_object_keypoint_similarity(nullptr, point, &sigma, 1, 10, out); });
  refuses<double>("labelled is NULL", [&](auto* out) { return posekit_object_keypoint_similarity(point, nullptr, &sigma, 1, 10, out); });
  refuses<double>("sigmas is NULL", [&](auto* out) { return posekit_object_keypoint_similarity(point, point, nullptr, 1, 10, out); });
  refuses_null([&] { return posekit_object_keypoint_similarity(point, point, &sigma, 1, 10, nullptr); });
}
