/// Results through the C interface are bit-equal to C++'s, for the shipped models and photos.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/paths.h"

namespace {

std::string model(const char* name) { return (posekit_test::source_dir() / "examples/models" / name).string(); }

void ok(posekit_status status) {
  INFO(posekit_last_error_message());
  REQUIRE(status == POSEKIT_OK);
}

std::vector<posekit::Image> photos() {
  std::vector<posekit::Image> images;
  for (const char* name : {"astronaut.jpg", "camera.jpg", "people.jpg"}) {
    images.push_back(posekit::read_image(posekit_test::source_dir() / "examples/images" / name));
  }
  return images;
}

posekit_image c_image(const posekit::Image& image) {
  return {image.pixels.data(), image.view().stride, image.width, image.height, static_cast<posekit_pixel_format>(image.format), 0};
}

posekit_box c_box(const posekit::Box& box) { return {box.x1, box.y1, box.x2, box.y2, box.score, 0}; }

bool same_box(const posekit_box& a, const posekit::Box& b) {
  return a.x1 == b.x1 && a.y1 == b.y1 && a.x2 == b.x2 && a.y2 == b.y2 && a.score == b.score;
}

std::vector<std::vector<posekit::Box>> people(const std::vector<posekit::Image>& images, const posekit::PersonDetector& detector) {
  std::vector<std::vector<posekit::Box>> all;
  for (const auto& image : images) all.push_back(detector.detect(image.view()));
  return all;
}

/// JSON without its timings.
std::string timeless(const std::string& json) { return json.substr(0, json.find("\"timings_ms\"")); }

}  // namespace

TEST_CASE("Detections through C are C++'s, bit by bit") {
  posekit::DetectorOptions options;
  posekit_detector_options c_options = POSEKIT_DETECTOR_OPTIONS_INIT;
  const double tile = 0.5;
  if (GENERATE(false, true)) {
    options.tiles = {tile};
    options.score_threshold = c_options.score_threshold = 0.4;
    options.nms_iou = c_options.nms_iou = 0.6;
    options.max_persons = c_options.max_persons = 5;
    options.max_batch = c_options.max_batch = 2;
    c_options.tiles = &tile;
    c_options.tile_count = 1;
  }
  const posekit::PersonDetector detector(model("person_detector.pt"), options);
  posekit_detector* c_detector = nullptr;
  ok(posekit_detector_create(model("person_detector.pt").c_str(), nullptr, &c_options, &c_detector));
  const auto images = photos();
  std::vector<posekit_image> c_images;
  for (const auto& image : images) c_images.push_back(c_image(image));
  posekit_detections* detections = nullptr;
  ok(posekit_detector_detect_batch(c_detector, c_images.data(), c_images.size(), nullptr, &detections));
  posekit_detector_destroy(c_detector);
  const auto expected = people(images, detector);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const posekit_box* boxes = nullptr;
    size_t count = 0;
    ok(posekit_detections_boxes(detections, i, &boxes, &count));
    REQUIRE(count == expected[i].size());
    for (std::size_t k = 0; k < count; ++k) CHECK(same_box(boxes[k], expected[i][k]));
  }
  posekit_detections_destroy(detections);
}

TEST_CASE("Poses through C are C++'s, bit by bit, on every executor and with every option") {
  const char* file = GENERATE("pose_landmark_lite.pt", "pose_landmark_full.pt");
  const bool with_options = GENERATE(false, true);
  const auto images = photos();
  const auto boxes = people(images, posekit::PersonDetector(model("person_detector.pt")));
  posekit::EstimatorOptions options;
  posekit_estimator_options c_options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  const char* const subset = "coco17";
  posekit_executor* executor = nullptr;
  if (with_options) {
    options.keypoints = {subset};
    options.flip_test = true;
    options.box_padding = c_options.box_padding = 1.1;
    options.max_batch = c_options.max_batch = 3;
    c_options.keypoints = &subset;
    c_options.keypoint_count = 1;
    c_options.flip_test = 1;
    ok(posekit_executor_create_thread_pool(2, &executor));
    c_options.executor = executor;
  }
  const posekit::PoseEstimator estimator(model(file), options);
  posekit_estimator* c_estimator = nullptr;
  ok(posekit_estimator_create(model(file).c_str(), nullptr, &c_options, &c_estimator));
  posekit_executor_destroy(executor);

  std::vector<posekit::ImageBoxes> input;
  std::vector<std::vector<posekit_box>> c_boxes;
  std::vector<posekit_image_boxes> c_input;
  for (std::size_t i = 0; i < images.size(); ++i) {
    input.push_back({images[i].view(), boxes[i]});
    c_boxes.emplace_back();
    for (const auto& box : boxes[i]) c_boxes.back().push_back(c_box(box));
    c_input.push_back({c_image(images[i]), c_boxes.back().data(), c_boxes.back().size()});
  }
  const auto expected = estimator.estimate_batch(input);
  posekit_result* result = nullptr;
  ok(posekit_estimator_estimate_batch(c_estimator, c_input.data(), c_input.size(), nullptr, &result));
  posekit_estimator_destroy(c_estimator);

  std::size_t persons_seen = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const float* keypoints = nullptr;
    const posekit_box* used = nullptr;
    const size_t* indices = nullptr;
    size_t persons = 0;
    ok(posekit_result_keypoints(result, i, &keypoints, &persons));
    ok(posekit_result_boxes(result, i, &used, &persons));
    ok(posekit_result_box_indices(result, i, &indices, &persons));
    REQUIRE(persons == expected[i].poses.size());
    for (std::size_t p = 0; p < persons; ++p) {
      const posekit::Pose& pose = expected[i].poses[p];
      const std::size_t bytes = pose.keypoints.size() * sizeof(posekit::Keypoint);
      CHECK(std::memcmp(keypoints + p * pose.keypoints.size() * 3, pose.keypoints.data(), bytes) == 0);
      CHECK(same_box(used[p], pose.box));
      CHECK(indices[p] == pose.box_index);
      ++persons_seen;
    }
    char* json = nullptr;
    ok(posekit_result_json(result, i, "x.jpg", &json));
    CHECK(timeless(json) == timeless(posekit::to_json(expected[i], {"x.jpg", images[i].view().size(), {}, {}}, estimator.keypoints(),
                                                      estimator.info().name)));
    posekit_string_destroy(json);
  }
  CHECK(persons_seen >= 3);
  posekit_result_destroy(result);
}

TEST_CASE("Metadata and inspection through C are C++'s") {
  const std::string path = model("pose_landmark_lite.pt");
  char* json = nullptr;
  ok(posekit_inspect_model(path.c_str(), nullptr, &json));
  CHECK(json == posekit::to_json(posekit::inspect_model(path)));
  posekit_string_destroy(json);
  posekit_estimator* estimator = nullptr;
  ok(posekit_estimator_create(path.c_str(), nullptr, nullptr, &estimator));
  ok(posekit_estimator_metadata_json(estimator, &json));
  CHECK(json == posekit::to_json(posekit::PoseEstimator(path).info()));
  posekit_string_destroy(json);
  posekit_estimator_destroy(estimator);
  CHECK(posekit_version() == posekit::version());
}
