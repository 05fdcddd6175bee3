/// What goes wrong with detectors and detections through the C interface.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdint>
#include <string>

#include "capi/objects.h"
#include "capi/small_models.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

TEST_CASE("A detector's functions refuse NULL for an object or an input, and reset their out parameters") {
  const posekit_detector* detector = small_models().detector.get();
  refuses_null<posekit_detector*>([](auto** out) { return posekit_detector_create(nullptr, nullptr, out); });
  refuses_null<posekit_detections*>([](auto** out) { return posekit_detector_detect(nullptr, &image, nullptr, out); });
  refuses_null<posekit_detections*>([&](auto** out) { return posekit_detector_detect(detector, nullptr, nullptr, out); });
  refuses_null<posekit_detections*>([](auto** out) { return posekit_detector_detect_batch(nullptr, nullptr, 0, nullptr, out); });
  refuses_null<posekit_detections*>([&](auto** out) { return posekit_detector_detect_batch(detector, nullptr, 1, nullptr, out); });
}

TEST_CASE("A detector's functions refuse NULL for an out parameter") {
  const posekit_detector* detector = small_models().detector.get();
  refuses_null([] { return posekit_detector_create(small_models().detect.get(), nullptr, nullptr); });
  refuses_null([&] { return posekit_detector_detect(detector, &image, nullptr, nullptr); });
  refuses_null([&] { return posekit_detector_detect_batch(detector, nullptr, 0, nullptr, nullptr); });
}

TEST_CASE("The functions of detections refuse NULL for detections, and reset their out parameters") {
  posekit_timings timings = POSEKIT_TIMINGS_INIT;
  refuses_null<size_t>([](auto* count) { return posekit_detections_image_count(nullptr, count); });
  refuses_null<posekit_status, const char*>([](auto* status, auto** text) { return posekit_detections_status(nullptr, 0, status, text); });
  refuses_null<const posekit_box*, size_t>([](auto** boxes, auto* count) { return posekit_detections_boxes(nullptr, 0, boxes, count); });
  refuses_null([&] { return posekit_detections_timings(nullptr, 0, &timings); });
}

TEST_CASE("The functions of detections refuse NULL for an out parameter, and reset the other ones") {
  const auto detections = detect();
  refuses_null([&] { return posekit_detections_image_count(detections.get(), nullptr); });
  refuses_null<const char*>([&](auto** text) { return posekit_detections_status(detections.get(), 0, nullptr, text); });
  refuses_null<posekit_status>([&](auto* status) { return posekit_detections_status(detections.get(), 0, status, nullptr); });
  refuses_null<size_t>([&](auto* count) { return posekit_detections_boxes(detections.get(), 0, nullptr, count); });
  refuses_null<const posekit_box*>([&](auto** boxes) { return posekit_detections_boxes(detections.get(), 0, boxes, nullptr); });
  refuses_null([&] { return posekit_detections_timings(detections.get(), 0, nullptr); });
}

TEST_CASE("A detector's images or tiles of a number that no memory can hold are refused unread") {
  const size_t huge = GENERATE(SIZE_MAX, SIZE_MAX / 2 + 1);
  const std::string text = "more than memory can hold";
  refuses<posekit_detections*>(
      text, [&](auto** out) { return posekit_detector_detect_batch(small_models().detector.get(), &image, huge, nullptr, out); });
  const double tile = 0.5;
  posekit_detector_options options = POSEKIT_DETECTOR_OPTIONS_INIT;
  options.tiles = &tile;
  options.tile_count = huge;
  refuses<posekit_detector*>(text, [&](auto** out) { return posekit_detector_create(small_models().detect.get(), &options, out); });
}

TEST_CASE("A detector takes NULL for an array of 0 images") {
  const auto detections =
      made<Detections>([](auto** out) { return posekit_detector_detect_batch(small_models().detector.get(), nullptr, 0, nullptr, out); });
  size_t images = 99;
  ok(posekit_detections_image_count(detections.get(), &images));
  CHECK(images == 0);
}

TEST_CASE("An image's index beyond the end of detections is refused with the number there is") {
  const size_t beyond = GENERATE(size_t{1000}, SIZE_MAX);
  const auto detections = detect();
  const std::string text = ", but there are ";
  posekit_timings timings = POSEKIT_TIMINGS_INIT;
  refuses<posekit_status, const char*>(
      text, [&](auto* status, auto** message) { return posekit_detections_status(detections.get(), beyond, status, message); });
  refuses<const posekit_box*, size_t>(
      text, [&](auto** boxes, auto* count) { return posekit_detections_boxes(detections.get(), beyond, boxes, count); });
  refuses(text, [&] { return posekit_detections_timings(detections.get(), beyond, &timings); });
}

TEST_CASE("A pixel format outside its enumeration fails a detector's call and is named") {
  const int32_t wrong = GENERATE(-1, 5, 256, INT32_MAX, INT32_MIN);
  posekit_image strange = image;
  strange.format = wrong;
  refuses<posekit_detections*>(std::to_string(wrong),
                               [&](auto** out) { return posekit_detector_detect(small_models().detector.get(), &strange, nullptr, out); });
}

TEST_CASE("An IoU above 1 is refused") {
  posekit_detector_options options = POSEKIT_DETECTOR_OPTIONS_INIT;
  options.nms_iou = 2;
  refuses<posekit_detector*>("IoU", [&](auto** out) { return posekit_detector_create(small_models().detect.get(), &options, out); });
}

TEST_CASE("A bit that stands for no member of a detector's options is refused") {
  posekit_detector_options options = POSEKIT_DETECTOR_OPTIONS_INIT;
  options.set = 4;
  refuses<posekit_detector*>("posekit_detector_options.set is 4",
                             [&](auto** out) { return posekit_detector_create(small_models().detect.get(), &options, out); });
}

TEST_CASE("A detector's score threshold above every score leaves no box") {
  posekit_detector_options options = POSEKIT_DETECTOR_OPTIONS_INIT;
  options.set = POSEKIT_DETECTOR_SET_NMS_IOU;
  options.score_threshold = 2;  // above the model's only score
  const auto detector = detector_of(small_models().detect.get(), &options);
  const auto detections = made<Detections>([&](auto** out) { return posekit_detector_detect(detector.get(), &image, nullptr, out); });
  const posekit_box* boxes = nullptr;
  size_t count = 99;
  ok(posekit_detections_boxes(detections.get(), 0, &boxes, &count));
  CHECK(count == 0);
}

TEST_CASE("A pose model is refused for a detector") {
  refuses<posekit_detector*>("pose", [](auto** out) { return posekit_detector_create(small_models().pose.get(), nullptr, out); });
}
