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
  return host_image(image.pixels.data(), image.width, image.height, static_cast<posekit_pixel_format>(image.format));
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

TEST_CASE("Detections through C are C++'s, bit by bit, with options of 0 too") {
  posekit::DetectorOptions options;
  posekit_detector_options c_options = POSEKIT_DETECTOR_OPTIONS_INIT;
  const double tile = 0.5;
  const int variant = GENERATE(0, 1, 2);
  if (variant == 1) {
    options.tiles = {tile};
    options.score_threshold = c_options.score_threshold = 0.4;
    options.nms_iou = c_options.nms_iou = 0.6;
    options.max_persons = c_options.max_persons = 5;
    options.max_batch = c_options.max_batch = 2;
    c_options.tiles = &tile;
    c_options.tile_count = 1;
  } else if (variant == 2) {
    options.score_threshold = options.nms_iou = 0.0;
    c_options.set = POSEKIT_DETECTOR_SET_SCORE_THRESHOLD | POSEKIT_DETECTOR_SET_NMS_IOU;
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

TEST_CASE("Predictions through C are C++'s, bit by bit, with boxes that are given and boxes that are detected") {
  const auto images = photos();
  const std::vector<posekit::Box> given{{20, 20, 140, 300, 0.9F}, {5, 5, 5, 5, 1}};
  const std::vector<posekit_box> c_given{c_box(given[0]), c_box(given[1])};
  const posekit::Predictor predictor{posekit::PoseEstimator(model("pose_landmark_lite.pt")),
                                     posekit::PersonDetector(model("person_detector.pt"))};
  const auto c_predictor = predictor_of(estimator_of(load(model("pose_landmark_lite.pt")).get()).get(),
                                        detector_of(load(model("person_detector.pt")).get()).get());
  std::vector<posekit::PredictorInput> input;
  std::vector<posekit_predictor_input> c_input;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const bool with_boxes = i == 1;
    input.push_back({images[i].view(), {}});
    if (with_boxes) input.back().boxes = given;
    c_input.push_back({c_image(images[i]), with_boxes ? c_given.data() : nullptr, with_boxes ? c_given.size() : 0, with_boxes ? 1 : 0, 0});
  }
  const auto expected = predictor.predict_batch(input);
  const auto result = made<Result>(
      [&](auto** out) { return posekit_predictor_predict_batch(c_predictor.get(), c_input.data(), c_input.size(), nullptr, out); });
  for (std::size_t i = 0; i < images.size(); ++i) {
    const float* keypoints = nullptr;
    const posekit_box* boxes = nullptr;
    size_t persons = 0;
    size_t count = 0;
    int32_t detected = -1;
    ok(posekit_result_keypoints(result.get(), i, &keypoints, &persons));
    ok(posekit_result_input_boxes(result.get(), i, &boxes, &count));
    ok(posekit_result_detected(result.get(), i, &detected));
    CHECK(detected == (i == 1 ? 0 : 1));
    REQUIRE(count == expected[i].boxes.size());
    for (std::size_t b = 0; b < count; ++b) CHECK(same_box(boxes[b], expected[i].boxes[b]));
    REQUIRE(persons == expected[i].result.poses.size());
    for (const posekit::Pose& pose : expected[i].result.poses) {
      CHECK(std::memcmp(keypoints, pose.keypoints.data(), pose.keypoints.size() * sizeof(posekit::Keypoint)) == 0);
      keypoints += pose.keypoints.size() * 3;
    }
    const auto entries = made<Text>([&](auto** out) { return posekit_result_coco_entries(result.get(), i, 139, nullptr, out); });
    CHECK(entries.get() == posekit::to_coco_entries(expected[i].result, std::int64_t{139}));
    const auto named = made<Text>([&](auto** out) { return posekit_result_coco_entries(result.get(), i, 0, "a.jpg", out); });
    CHECK(named.get() == posekit::to_coco_entries(expected[i].result, std::string("a.jpg")));
  }
  const auto alone =
      made<Result>([&](auto** out) { return posekit_predictor_predict(c_predictor.get(), &c_input.front().image, nullptr, out); });
  size_t alone_floats = 0;
  ok(posekit_result_copy_keypoints(alone.get(), nullptr, 0, &alone_floats));
  CHECK(alone_floats == expected[0].result.poses.size() * 33 * 3);
}

TEST_CASE("Object keypoint similarity through C is C++'s, and 1 for a pose with itself") {
  const std::vector<posekit::Keypoint> pose{{10, 20, 0.9F}, {30, 44, 0.8F}, {1, 2, 0.1F}};
  const std::vector<posekit::Keypoint> labelled{{12, 21, 2}, {30, 40, 1}, {0, 0, 0}};
  const std::vector<double> sigmas{0.026, 0.035, 0.1};
  const auto floats = [](const std::vector<posekit::Keypoint>& points) { return reinterpret_cast<const float*>(points.data()); };
  double similarity = -1;
  ok(posekit_object_keypoint_similarity(floats(pose), floats(labelled), sigmas.data(), 3, 900, &similarity));
  CHECK(similarity == posekit::object_keypoint_similarity(pose, labelled, sigmas, 900));
  ok(posekit_object_keypoint_similarity(floats(labelled), floats(labelled), sigmas.data(), 3, 900, &similarity));
  CHECK(similarity == 1);
  ok(posekit_object_keypoint_similarity(nullptr, nullptr, nullptr, 0, 900, &similarity));
  CHECK(similarity == 0);
}

TEST_CASE("What a model takes of memory is reported through C as in C++") {
  const auto c_model = load(model("pose_landmark_lite.pt"));
  posekit_memory_report report = POSEKIT_MEMORY_REPORT_INIT;
  ok(posekit_model_measure_memory(c_model.get(), &report));
  const posekit::MemoryReport expected = posekit::Model(model("pose_landmark_lite.pt")).measure_memory();
  CHECK(report.weights == expected.weights);
  CHECK(report.batch == expected.batch);
  CHECK(report.person == expected.person);
  CHECK(report.has_available == (expected.available ? 1 : 0));
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
