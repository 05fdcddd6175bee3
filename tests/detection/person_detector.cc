/// PersonDetector around a scripted model: filtering, mapping back, tiles, failures.
#include <atomic>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <limits>
#include <string>
#include <vector>

#include "posekit/detector.h"
#include "posekit/error.h"
#include "support/fails_with.h"
#include "support/fake_backend.h"
#include "support/message_form.h"
#include "support/warnings_of.h"

using namespace posekit;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using posekit_test::CropBatch;
using posekit_test::fails_with;
using posekit_test::FakeBackend;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

struct Candidate {
  float x1, y1, x2, y2, score, label;
};

ModelInfo detect_info(Resize resize) {
  ModelInfo info;
  info.purpose = DetectInfo{};
  info.name = "fake";
  info.input.width = 100;
  info.input.height = 100;
  info.detect().resize = resize;
  info.output = BoxesOutput{};
  return info;
}

/// A model that gives the same candidates for every input.
std::shared_ptr<FakeBackend> constant_model(const ModelInfo& info, std::vector<Candidate> candidates) {
  return std::make_shared<FakeBackend>(info, [candidates](const CropBatch& crops) {
    const std::size_t n = candidates.size();
    std::vector<FakeBackend::Tensor> out{{{crops.count, n, 4}, {}}, {{crops.count, n}, {}}, {{crops.count, n}, {}}};
    for (std::size_t b = 0; b < crops.count; ++b) {
      for (const Candidate& c : candidates) {
        out[0].values.insert(out[0].values.end(), {c.x1, c.y1, c.x2, c.y2});
        out[1].values.push_back(c.score);
        out[2].values.push_back(c.label);
      }
    }
    return out;
  });
}

Image black(int width, int height) {
  return {std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3), width, height,
          PixelFormat::bgr8};
}

}  // namespace

TEST_CASE("PersonDetector keeps persons above the threshold, best first, and suppresses overlaps") {
  const auto model = constant_model(detect_info(Resize::stretch), {{10, 10, 30, 50, 0.6F, 0},
                                                                   {11, 10, 30, 50, 0.8F, 0},  // overlaps the first, stronger
                                                                   {60, 10, 90, 50, 0.9F, 0},
                                                                   {10, 60, 30, 90, 0.95F, 1},  // not a person
                                                                   {40, 60, 60, 90, 0.3F, 0},   // not above the threshold
                                                                   {40, 60, 60, 90, nan, 0},
                                                                   {nan, 60, 60, 90, 0.9F, 0}});
  const PersonDetector detector{Model(model)};
  const Image image = black(100, 100);
  const auto boxes = detector.detect(image.view());
  REQUIRE(boxes.size() == 2);
  CHECK(boxes[0].score == 0.9F);
  CHECK(boxes[1].score == 0.8F);
}

TEST_CASE("A detector whose boxes are all within 0..1 is warned of once") {
  struct Case {
    std::vector<Candidate> candidates;
    bool warned;
  };
  const auto [candidates, warned] = GENERATE(Case{{{0.1F, 0.1F, 0.9F, 0.9F, 0.9F, 0}}, true},
                                             Case{{{0.1F, 0.1F, 0.4F, 0.9F, 0.9F, 0}, {0.5F, 0, 1, 1, 0.8F, 0}, {10, 10, 90, 90, 0.1F, 0}},
                                                  true},  // the last is below the threshold
                                             Case{{{0.1F, 0.1F, 0.9F, 0.9F, 0.9F, 0}, {10, 10, 90, 90, 0.9F, 0}}, false},
                                             Case{{{0.1F, 0.1F, 0.9F, 0.9F, 0.1F, 0}}, false}, Case{{}, false});
  const auto model = constant_model(detect_info(Resize::stretch), candidates);
  const PersonDetector detector{Model(model)};
  const Image image = black(100, 100);
  const std::vector<std::string> log = posekit_test::warnings_of([&] {
    (void)detector.detect(image.view());
    (void)detector.detect(image.view());
  });
  REQUIRE(log.size() == (warned ? 1 : 0));
  if (warned) posekit_test::check_message_form(log[0], "\"fake\"", "100x100");
}

TEST_CASE("Detections that are no boxes are dropped, and counted in one warning") {
  const auto model = constant_model(detect_info(Resize::stretch), {{30, 10, 10, 50, 0.9F, 0},  // corners swapped
                                                                   {10, 50, 30, 10, 0.9F, 0},
                                                                   {10, 10, 10, 50, 0.9F, 0},  // no width
                                                                   {nan, 10, 30, 50, 0.9F, 0},
                                                                   {60, 10, 90, 50, 0.8F, 0},
                                                                   {nan, 10, 30, 50, 0.1F, 0}});  // below the threshold
  const PersonDetector detector{Model(model)};
  const Image image = black(100, 100);
  std::vector<Box> boxes;
  const std::vector<std::string> log = posekit_test::warnings_of([&] {
    boxes = detector.detect(image.view());
    CHECK(detector.detect(image.view()) == boxes);
  });
  CHECK(boxes == std::vector<Box>{{60, 10, 90, 50, 0.8F}});
  REQUIRE(log.size() == 1);
  posekit_test::check_message_form(log[0], "\"fake\"", "4 of 5 detections");
}

TEST_CASE("PersonDetector maps boxes back through stretch and clips them to the image") {
  const auto model = constant_model(detect_info(Resize::stretch), {{-20, 20, 40, 130, 0.9F, 0}});
  const PersonDetector detector{Model(model)};
  const Image image = black(200, 50);
  const Box box = detector.detect(image.view()).at(0);
  // x = (u + 1/2) * 200/100 - 1/2, y = (v + 1/2) * 50/100 - 1/2
  CHECK(box.x1 == 0);
  CHECK(box.y1 == Approx(9.75));
  CHECK(box.x2 == Approx(80.5));
  CHECK(box.y2 == 50);
}

TEST_CASE("PersonDetector maps boxes back through a letterbox, padded at the right and bottom or all around") {
  ModelInfo info = detect_info(Resize::letterbox);
  const Image image = black(200, 100);  // s = 1/2, 50 rows of 100 are left over
  const std::vector<Candidate> candidate{{10, 30, 40, 70, 0.9F, 0}};

  info.detect().pad = Pad::right_bottom;
  const Box corner = PersonDetector(Model(constant_model(info, candidate))).detect(image.view()).at(0);
  CHECK(corner.x1 == Approx(20.5));
  CHECK(corner.y1 == Approx(60.5));

  info.detect().pad = Pad::center;
  const Box centre = PersonDetector(Model(constant_model(info, candidate))).detect(image.view()).at(0);
  CHECK(centre.x1 == Approx(20.5));
  CHECK(centre.y1 == Approx(10.5));
  CHECK(centre.y2 == Approx(90.5));
}

TEST_CASE("PersonDetector's options override threshold, NMS and the number of persons") {
  const std::vector<Candidate> candidates{{10, 10, 30, 50, 0.2F, 0}, {12, 10, 30, 50, 0.8F, 0}, {60, 10, 90, 50, 0.9F, 0}};
  const Image image = black(100, 100);
  const auto count = [&](const DetectorOptions& options) {
    return PersonDetector(Model(constant_model(detect_info(Resize::stretch), candidates)), options).detect(image.view()).size();
  };
  CHECK(count({}) == 2);
  DetectorOptions options;
  options.nms_iou = 1.0;
  options.score_threshold = 0.1;
  CHECK(count(options) == 3);
  options.max_persons = 1;
  CHECK(count(options) == 1);
}

TEST_CASE("PersonDetector refuses invalid options with their value") {
  const auto make = [](const DetectorOptions& options) {
    return PersonDetector(Model(constant_model(detect_info(Resize::stretch), {})), options);
  };
  DetectorOptions options;
  options.tiles = {0.5, 1.5};
  fails_with([&] { return make(options); }, "tile size", "1.5");
  options.tiles = {std::numeric_limits<double>::quiet_NaN()};
  fails_with([&] { return make(options); }, "tile size", "nan");
  options = {};
  options.nms_iou = -0.5;
  fails_with([&] { return make(options); }, "NMS IoU", "-0.5");
  ModelInfo pose = detect_info(Resize::stretch);
  pose.purpose = PoseInfo{};
  fails_with([&] { return PersonDetector(Model(constant_model(pose, {}))); }, "model", "task \"detect\" is expected");
}

TEST_CASE("Tiles drop boxes at their inner borders and give one list without duplicates") {
  // The model sees one person in the middle of whatever it looks at, and one cut off at the left.
  const auto model = constant_model(detect_info(Resize::stretch), {{40, 40, 60, 60, 0.9F, 0}, {0, 40, 20, 60, 0.8F, 0}});
  DetectorOptions options;
  options.tiles = {0.5};
  const Image image = black(100, 100);
  const auto boxes = PersonDetector(Model(model), options).detect(image.view());
  CHECK(model->batches().size() == 10);  // the whole image and 3 x 3 tiles of 50 pixels
  // 3 x 3 in the tiles' middles; the middle tile's lies within the whole image's box (IoU 1/4): both stay at 0.5. Cut off at the
  // left: only those at the image's own border stay, one of the whole image and three of the tiles.
  CHECK(boxes.size() == 9 + 1 + 1 + 3);
}

TEST_CASE("PersonDetector fills batches across images and reports each image's own failure") {
  ModelInfo info = detect_info(Resize::stretch);
  std::atomic<int> runs = 0;
  const auto model = std::make_shared<FakeBackend>(info, [&](const CropBatch& crops) -> std::vector<FakeBackend::Tensor> {
    if (++runs == 2) throw Error(ErrorCode::invalid_model, "the second run fails");
    std::vector<FakeBackend::Tensor> out{{{crops.count, 1, 4}, {}}, {{crops.count, 1}, {}}};
    for (std::size_t b = 0; b < crops.count; ++b) {
      out[0].values.insert(out[0].values.end(), {10, 10, 50, 50});
      out[1].values.push_back(0.9F);
    }
    return out;
  });
  DetectorOptions options;
  options.max_batch = 2;
  const PersonDetector detector(Model(model), options);
  const Image image = black(64, 48);
  const std::vector<ImageView> images{image.view(), ImageView{}, image.view(), image.view(), image.view(), image.view()};
  const auto results = detector.detect_batch(images);
  REQUIRE(results.size() == 6);
  CHECK(model->batches() == std::vector<std::size_t>{2, 2, 1});
  CHECK(results[0].boxes.size() == 1);
  CHECK(results[1].code == ErrorCode::invalid_argument);
  CHECK(results[2].boxes.size() == 1);
  CHECK(results[3].code == ErrorCode::invalid_model);
  CHECK(results[3].message == "the second run fails");
  CHECK(results[4].code == ErrorCode::invalid_model);
  CHECK(results[5].boxes.size() == 1);
}

TEST_CASE("PersonDetector refuses an image on a device and processes its neighbours") {
  const auto model = constant_model(detect_info(Resize::stretch), {{10, 10, 50, 50, 0.9F, 0}});
  const PersonDetector detector{Model(model)};
  const Image image = black(64, 48);
  std::vector<ImageView> images{image.view(), image.view()};
  images[1].cuda_device = 2;
  const auto results = detector.detect_batch(images);
  CHECK(results[0].boxes.size() == 1);
  CHECK(results[1].code == ErrorCode::invalid_argument);
  CHECK_THAT(results[1].message, ContainsSubstring("cuda:2"));
  CHECK_THROWS_WITH(detector.detect(images[1]), ContainsSubstring("host memory"));
}

TEST_CASE("A cancelled detection is reported for every unfinished image") {
  const auto model = constant_model(detect_info(Resize::stretch), {});
  std::stop_source source;
  source.request_stop();
  const Image image = black(64, 48);
  const std::vector<ImageView> images{image.view(), image.view()};
  const auto results = PersonDetector(Model(model)).detect_batch(images, {.stop = source.get_token(), .deadline = std::nullopt});
  CHECK(results[0].code == ErrorCode::cancelled);
  CHECK(results[1].code == ErrorCode::cancelled);
  CHECK(model->batches().empty());
}
