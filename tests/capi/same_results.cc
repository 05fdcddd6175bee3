/// Results through the C interface are bit-equal to C++'s, for the shipped models and photos.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "capi/objects.h"
#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/paths.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

std::string model(const char* name) { return (posekit_test::source_dir() / "examples/models" / name).string(); }

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
  auto c_detector = detector_of(load(model("person_detector.pt")).get(), &c_options);
  const auto images = photos();
  std::vector<posekit_image> c_images;
  for (const auto& image : images) c_images.push_back(c_image(image));
  posekit_detections* detections = nullptr;
  ok(posekit_detector_detect_batch(c_detector.get(), c_images.data(), c_images.size(), nullptr, &detections));
  c_detector.reset();
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
  Executor executor;
  if (with_options) {
    options.keypoints = {subset};
    options.flip_test = true;
    options.box_padding = c_options.box_padding = 1.1;
    options.max_batch = c_options.max_batch = 3;
    c_options.keypoints = &subset;
    c_options.keypoint_count = 1;
    c_options.flip_test = 1;
    executor = thread_pool(2);
    c_options.executor = executor.get();
  }
  const posekit::PoseEstimator estimator(model(file), options);
  auto c_estimator = estimator_of(load(model(file)).get(), &c_options);
  executor.reset();

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
  ok(posekit_estimator_estimate_batch(c_estimator.get(), c_input.data(), c_input.size(), nullptr, &result));
  c_estimator.reset();

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

TEST_CASE("A model's inspection through C is C++'s") {
  const std::string path = model("pose_landmark_lite.pt");
  const auto json = made<Text>([&](auto** out) { return posekit_inspect_model(path.c_str(), nullptr, out); });
  CHECK(json.get() == posekit::to_json(posekit::inspect_model(path)));
}

TEST_CASE("A model's metadata and info through C are C++'s") {
  for (const char* file : {"pose_landmark_lite.pt", "person_detector.pt"}) {
    const posekit::Model expected(model(file));
    const auto c_model = load(model(file));
    const auto json = made<Text>([&](auto** out) { return posekit_model_metadata_json(c_model.get(), out); });
    CHECK(json.get() == posekit::to_json(expected.info()));
    posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
    ok(posekit_model_get_info(c_model.get(), &info));
    CHECK(info.name == expected.info().name);
    CHECK(info.task == posekit::to_string(expected.info().task()));
    CHECK(info.codec == posekit::to_string(posekit::codec_of(expected.info().output)));
    CHECK(info.device == posekit::to_string(expected.devices()));
    CHECK(info.keypoint_count == (expected.info().task() == posekit::Task::pose ? expected.info().pose().keypoints.size() : 0));
    CHECK(info.input_width == expected.info().input.width);
    CHECK(info.input_height == expected.info().input.height);
  }
}

TEST_CASE("The version through C is C++'s") { CHECK(posekit_version() == posekit::version()); }
