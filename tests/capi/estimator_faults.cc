/// What goes wrong with estimators through the C interface.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

#include "capi/objects.h"
#include "capi/small_models.h"

using Catch::Matchers::ContainsSubstring;
using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

/// Expects that no estimator is made.
void create_fails(const posekit_estimator_options& options, posekit_status expected, const std::string& text,
                  std::source_location where = std::source_location::current()) {
  fails_and_resets<posekit_estimator*>(
      expected, text, [&](auto** out) { return posekit_estimator_create(small_models().pose.get(), &options, out); }, where);
}

}  // namespace

TEST_CASE("An estimator's functions refuse NULL for an object or an input, and reset their out parameters") {
  const posekit_estimator* estimator = small_models().estimator.get();
  const posekit_image_boxes no_boxes{image, nullptr, 1};
  refuses_null<posekit_estimator*>([](auto** out) { return posekit_estimator_create(nullptr, nullptr, out); });
  refuses_null<posekit_keypoint_set*>([](auto** out) { return posekit_estimator_keypoint_set(nullptr, out); });
  refuses_null<posekit_result*>([](auto** out) { return posekit_estimator_estimate(nullptr, &image, nullptr, 0, nullptr, out); });
  refuses_null<posekit_result*>([&](auto** out) { return posekit_estimator_estimate(estimator, nullptr, nullptr, 0, nullptr, out); });
  refuses_null<posekit_result*>([&](auto** out) { return posekit_estimator_estimate(estimator, &image, nullptr, 1, nullptr, out); });
  refuses_null<posekit_result*>([](auto** out) { return posekit_estimator_estimate_batch(nullptr, nullptr, 0, nullptr, out); });
  refuses_null<posekit_result*>([&](auto** out) { return posekit_estimator_estimate_batch(estimator, nullptr, 1, nullptr, out); });
  refuses_null<posekit_result*>([&](auto** out) { return posekit_estimator_estimate_batch(estimator, &no_boxes, 1, nullptr, out); });
}

TEST_CASE("An estimator's functions refuse NULL for an out parameter") {
  const posekit_estimator* estimator = small_models().estimator.get();
  refuses_null([] { return posekit_estimator_create(small_models().pose.get(), nullptr, nullptr); });
  refuses_null([&] { return posekit_estimator_keypoint_set(estimator, nullptr); });
  refuses_null([&] { return posekit_estimator_estimate(estimator, &image, nullptr, 0, nullptr, nullptr); });
  refuses_null([&] { return posekit_estimator_estimate_batch(estimator, nullptr, 0, nullptr, nullptr); });
}

TEST_CASE("An estimator's images, boxes or keypoint names of a number that no memory can hold are refused unread") {
  const size_t huge = GENERATE(SIZE_MAX, SIZE_MAX / 2 + 1);
  const posekit_estimator* estimator = small_models().estimator.get();
  const posekit_image_boxes huge_boxes{image, two_boxes.data(), huge};
  const posekit_image_boxes one_image{image, two_boxes.data(), 1};
  refuses<posekit_result*>("more than memory can hold",
                           [&](auto** out) { return posekit_estimator_estimate(estimator, &image, two_boxes.data(), huge, nullptr, out); });
  refuses<posekit_result*>("more than memory can hold",
                           [&](auto** out) { return posekit_estimator_estimate_batch(estimator, &one_image, huge, nullptr, out); });
  refuses<posekit_result*>("more than memory can hold",
                           [&](auto** out) { return posekit_estimator_estimate_batch(estimator, &huge_boxes, 1, nullptr, out); });
  const char* const name = "left_eye";
  posekit_estimator_options options = options_with_keypoint(&name);
  options.keypoint_count = huge;
  create_fails(options, POSEKIT_ERROR_INVALID_ARGUMENT, "more than memory can hold");
}

TEST_CASE("An estimator takes NULL for an array of 0 boxes") {
  const auto result =
      made<Result>([](auto** out) { return posekit_estimator_estimate(small_models().estimator.get(), &image, nullptr, 0, nullptr, out); });
  const float* keypoints = nullptr;
  size_t persons = 99;
  ok(posekit_result_keypoints(result.get(), 0, &keypoints, &persons));
  CHECK(persons == 0);
}

TEST_CASE("An estimator takes NULL for an array of 0 images") {
  const auto result =
      made<Result>([](auto** out) { return posekit_estimator_estimate_batch(small_models().estimator.get(), nullptr, 0, nullptr, out); });
  size_t images = 99;
  ok(posekit_result_image_count(result.get(), &images));
  CHECK(images == 0);
}

TEST_CASE("An estimator option outside its enumeration is refused and named") {
  const int32_t wrong = GENERATE(-1, 5, 256, INT32_MAX, INT32_MIN);
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  options.flip_test = wrong;
  create_fails(options, POSEKIT_ERROR_INVALID_ARGUMENT, std::to_string(wrong));
  options.flip_test = 0;
  options.reserved = wrong;
  create_fails(options, POSEKIT_ERROR_INVALID_ARGUMENT, std::to_string(wrong));
}

TEST_CASE("A pixel format outside its enumeration fails an estimator's call and is named") {
  const int32_t wrong = GENERATE(-1, 5, 256, INT32_MAX, INT32_MIN);
  const posekit_estimator* estimator = small_models().estimator.get();
  posekit_image strange = image;
  strange.format = wrong;
  const posekit_image_boxes batch{strange, nullptr, 0};
  refuses<posekit_result*>(std::to_string(wrong),
                           [&](auto** out) { return posekit_estimator_estimate(estimator, &strange, nullptr, 0, nullptr, out); });
  refuses<posekit_result*>(std::to_string(wrong),
                           [&](auto** out) { return posekit_estimator_estimate_batch(estimator, &batch, 1, nullptr, out); });
}

TEST_CASE("An image whose members contradict each other fails an estimator's call and is named") {
  const auto refused = [](const std::string& text, auto change, std::source_location where = std::source_location::current()) {
    posekit_image strange = image;
    change(strange);
    const posekit_image_boxes batch{strange, nullptr, 0};
    const posekit_estimator* estimator = small_models().estimator.get();
    refuses<posekit_result*>(
        text, [&](auto** out) { return posekit_estimator_estimate(estimator, &strange, nullptr, 0, nullptr, out); }, where);
    refuses<posekit_result*>(
        text, [&](auto** out) { return posekit_estimator_estimate_batch(estimator, &batch, 1, nullptr, out); }, where);
  };
  int stream = 0;
  refused("plane 1 is set", [](posekit_image& it) { it.planes[1] = pixels.data(); });
  refused("plane 2 is set", [](posekit_image& it) { it.strides[2] = 1; });
  refused("device is 2", [](posekit_image& it) { it.device = 2; });
  refused("device is the CPU", [](posekit_image& it) { it.device_index = 1; });
  refused("device is the CPU", [&](posekit_image& it) { it.stream = &stream; });
  refused("device_index is -1", [](posekit_image& it) {
    it.device = POSEKIT_DEVICE_CUDA;
    it.device_index = -1;
  });
  refused("posekit_image.reserved is 7", [](posekit_image& it) { it.reserved = 7; });
}

TEST_CASE("A box padding that is negative or not finite is refused") {
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  for (const double padding : {-1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    options.box_padding = padding;
    create_fails(options, POSEKIT_ERROR_INVALID_ARGUMENT, "padding");
  }
}

TEST_CASE("A keypoint that the model does not have is reported as not found") {
  const char* const unknown = "tail";
  create_fails(options_with_keypoint(&unknown), POSEKIT_ERROR_NOT_FOUND, "tail");
}

TEST_CASE("An estimator of a subset of keypoints has the subset's set") {
  const char* const left = "left";
  const posekit_estimator_options options = options_with_keypoint(&left);
  const auto set = set_of(estimator_of(small_models().pose.get(), &options).get());
  size_t size = 0;
  ok(posekit_keypoint_set_size(set.get(), &size));
  CHECK(size == 1);
}

TEST_CASE("A detection model is refused for an estimator") {
  refuses<posekit_estimator*>("detect", [](auto** out) { return posekit_estimator_create(small_models().detect.get(), nullptr, out); });
}

TEST_CASE("A bad image of a batch is reported in its entry, a bad box in its image") {
  const posekit_estimator* estimator = small_models().estimator.get();
  posekit_image no_data = image;
  no_data.planes[0] = nullptr;
  posekit_image short_rows = image;
  short_rows.strides[0] = 10;
  posekit_image no_size = image;
  no_size.width = -64;
  const std::vector<posekit_box> mixed{{4, 4, 40, 40, 0, 0}, {9, 9, 9, 9, 0, 0}, {NAN, 0, 5, 5, 0, 0}};
  const std::vector<posekit_image_boxes> batch{
      {no_data, mixed.data(), 1}, {image, mixed.data(), 3}, {short_rows, mixed.data(), 1}, {no_size, nullptr, 0}};
  const auto result =
      made<Result>([&](auto** out) { return posekit_estimator_estimate_batch(estimator, batch.data(), batch.size(), nullptr, out); });
  for (const size_t i : {size_t{0}, size_t{2}, size_t{3}}) {
    posekit_status status = 0;
    const char* message = nullptr;
    ok(posekit_result_status(result.get(), i, &status, &message));
    CHECK(status == POSEKIT_ERROR_INVALID_ARGUMENT);
    CHECK_THAT(message, ContainsSubstring("image"));
  }
  size_t errors = 0;
  size_t persons = 0;
  const float* keypoints = nullptr;
  ok(posekit_result_box_error_count(result.get(), 1, &errors));
  ok(posekit_result_keypoints(result.get(), 1, &keypoints, &persons));
  CHECK(errors == 2);
  CHECK(persons == 1);
}

TEST_CASE("A bad image alone fails its call, and the result is NULL") {
  posekit_image no_data = image;
  no_data.planes[0] = nullptr;
  refuses<posekit_result*>("no data", [&](auto** out) {
    return posekit_estimator_estimate(small_models().estimator.get(), &no_data, two_boxes.data(), 1, nullptr, out);
  });
}

TEST_CASE("A box's score goes through an estimator, and 0 counts as 1") {
  const auto result = estimate();
  const posekit_box* boxes = nullptr;
  size_t count = 0;
  ok(posekit_result_boxes(result.get(), 0, &boxes, &count));
  REQUIRE(count == 2);
  CHECK(boxes[0].score == 1.0F);
  CHECK(boxes[1].score == 0.5F);
}
