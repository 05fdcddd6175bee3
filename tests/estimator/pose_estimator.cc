/// PoseEstimator around a scripted model: batches, outcomes, subsets, flip test.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "posekit/error.h"
#include "posekit/estimator.h"
#include "support/at_once.h"
#include "support/fails_with.h"
#include "support/fake_backend.h"
#include "support/in_child.h"
#include "support/shuffling_executor.h"

using namespace posekit;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using posekit_test::at_once;
using posekit_test::check_message_form;
using posekit_test::CropBatch;
using posekit_test::fails_with;
using posekit_test::FakeBackend;

namespace {

constexpr std::size_t input_width = 48;
constexpr std::size_t input_height = 64;

KeypointSet three_points() {
  return {.name = "three",
          .provenance = {},
          .keypoints = {{"nose", 0}, {"left_eye", 2}, {"right_eye", 1}},
          .links = {{0, 1}, {0, 2}},
          .sigmas = {},
          .subsets = {{"eyes", {1, 2}}}};
}

/// A regression model: its answer is in input pixels, without any rounding to cells.
ModelInfo regression_info() {
  ModelInfo info;
  info.name = "fake";
  info.input.width = input_width;
  info.input.height = input_height;
  info.output = RegressionOutput{};
  info.pose().alignment = Alignment::classic;
  info.pose().keypoints = three_points();
  return info;
}

/// Answers with the centre of mass of each crop's green channel for every keypoint, k pixels further right for keypoint k.
std::vector<FakeBackend::Tensor> centre_of_green(const CropBatch& crops) {
  FakeBackend::Tensor out{{crops.count, 3, 3}, {}};
  for (std::size_t b = 0; b < crops.count; ++b) {
    double sum = 0;
    double sum_x = 0;
    double sum_y = 0;
    for (std::size_t y = 0; y < input_height; ++y) {
      for (std::size_t x = 0; x < input_width; ++x) {
        const auto value = static_cast<double>(std::to_integer<int>(crops.data[((b * input_height + y) * input_width + x) * 3 + 1]));
        sum += value;
        sum_x += value * static_cast<double>(x);
        sum_y += value * static_cast<double>(y);
      }
    }
    for (int k = 0; k < 3; ++k) {
      out.values.push_back(static_cast<float>(sum_x / sum + k));
      out.values.push_back(static_cast<float>(sum_y / sum));
      out.values.push_back(0.5F);
    }
  }
  return {out};
}

std::shared_ptr<FakeBackend> green_model() { return std::make_shared<FakeBackend>(regression_info(), centre_of_green); }

/// A black image with one green square around (cx, cy).
Image with_spot(int width, int height, int cx, int cy) {
  Image image{std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3), width, height,
              PixelFormat::bgr8};
  for (int y = cy - 3; y <= cy + 3; ++y) {
    for (int x = cx - 3; x <= cx + 3; ++x) image.pixels[static_cast<std::size_t>((y * width + x) * 3 + 1)] = 200;
  }
  return image;
}

Box around(double cx, double cy) { return {cx - 17, cy - 22, cx + 20, cy + 24}; }

}  // namespace

TEST_CASE("PoseEstimator finds what the model sees, in the pixels of each image, in batches of any size") {
  const std::size_t max_batch = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100});
  const auto model = green_model();
  EstimatorOptions options;
  options.max_batch = max_batch;
  const PoseEstimator estimator(Model(model), options);

  const Image first = with_spot(200, 100, 60, 50);
  const Image second = with_spot(90, 300, 40, 200);
  const std::vector<Box> first_boxes{around(60, 50), around(63, 52), around(55, 47)};
  const std::vector<Box> second_boxes{around(42, 201), around(40, 199)};
  const std::vector<ImageBoxes> input{{first.view(), first_boxes}, {second.view(), {}}, {second.view(), second_boxes}};
  const auto results = estimator.estimate_batch(input);

  REQUIRE(results.size() == 3);
  REQUIRE(results[0].poses.size() == 3);
  CHECK(results[1].poses.empty());
  REQUIRE(results[2].poses.size() == 2);
  for (const Pose& pose : results[0].poses) {
    CHECK(pose.keypoints[0].x == Approx(60).margin(0.03));
    CHECK(pose.keypoints[0].y == Approx(50).margin(0.03));
    CHECK(pose.keypoints[0].score == 0.5F);
    CHECK(pose.box == first_boxes[pose.box_index]);
  }
  for (const Pose& pose : results[2].poses) {
    CHECK(pose.keypoints[0].x == Approx(40).margin(0.03));
    CHECK(pose.keypoints[0].y == Approx(200).margin(0.03));
  }
  std::size_t persons = 0;
  for (const std::size_t batch : model->batches()) {
    CHECK(batch <= max_batch);
    persons += batch;
  }
  CHECK(persons == 5);  // nobody is padded in
  CHECK(model->batches().size() == (5 + max_batch - 1) / max_batch);
}

TEST_CASE("A bad box is reported with its index and values, and its neighbours get their poses") {
  const PoseEstimator estimator{Model(green_model())};
  const Image image = with_spot(200, 100, 60, 50);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Box> boxes{around(60, 50), {10, 10, 5, 20}, around(61, 50), {10, nan, 50, 20}};
  const ImageResult result = estimator.estimate(image.view(), boxes);
  CHECK(result.code == ErrorCode::ok);
  REQUIRE(result.poses.size() == 2);
  CHECK(result.poses[1].box_index == 2);
  REQUIRE(result.box_errors.size() == 2);
  CHECK(result.box_errors[0].box_index == 1);
  CHECK(result.box_errors[0].code == ErrorCode::invalid_argument);
  check_message_form(result.box_errors[0].message, "box 1", "(10, 10, 5, 20)");
  check_message_form(result.box_errors[1].message, "box 3", "(10, nan, 50, 20)");
}

TEST_CASE("A bad image is reported in its own result, and the one-image call throws its error") {
  const PoseEstimator estimator{Model(green_model())};
  const Image image = with_spot(200, 100, 60, 50);
  const std::vector<Box> boxes{around(60, 50)};
  ImageView bad = image.view();
  bad.stride = 10;
  const std::vector<ImageBoxes> input{{bad, boxes}, {image.view(), boxes}};
  const auto results = estimator.estimate_batch(input);
  CHECK(results[0].code == ErrorCode::invalid_argument);
  check_message_form(results[0].message, "image", "row stride 10");
  CHECK(results[1].poses.size() == 1);
  CHECK_THROWS_AS(estimator.estimate(bad, boxes), Error);
}

TEST_CASE("A model that throws on one batch fails only the images of that batch") {
  int runs = 0;
  const auto model = std::make_shared<FakeBackend>(regression_info(), [&](const CropBatch& crops) {
    if (++runs == 2) throw Error(ErrorCode::invalid_model, "the model threw");
    return centre_of_green(crops);
  });
  const PoseEstimator estimator{Model(model)};
  const Image image = with_spot(200, 100, 60, 50);
  const std::vector<Box> boxes{around(60, 50)};
  const std::vector<ImageBoxes> input(3, {image.view(), boxes});
  const auto results = estimator.estimate_batch(input);
  CHECK(results[0].poses.size() == 1);
  CHECK(results[1].code == ErrorCode::invalid_model);
  CHECK(results[1].message == "the model threw");
  CHECK(results[1].poses.empty());
  CHECK(results[2].poses.size() == 1);
  CHECK(estimator.estimate(image.view(), boxes).poses.size() == 1);
}

TEST_CASE("Cancellation and a passed deadline are reported for unfinished images, and the others are kept") {
  std::stop_source source;
  const auto model = std::make_shared<FakeBackend>(regression_info(), [&](const CropBatch& crops) {
    source.request_stop();
    return centre_of_green(crops);
  });
  const PoseEstimator estimator{Model(model)};
  const Image image = with_spot(200, 100, 60, 50);
  const std::vector<Box> boxes{around(60, 50)};
  const std::vector<ImageBoxes> input{{image.view(), boxes}, {image.view(), boxes}, {image.view(), {}}};
  const auto results = estimator.estimate_batch(input, {.stop = source.get_token(), .deadline = std::nullopt});
  CHECK(results[0].code == ErrorCode::ok);
  CHECK(results[0].poses.size() == 1);
  CHECK(results[1].code == ErrorCode::cancelled);
  CHECK(results[2].code == ErrorCode::ok);

  const auto late = estimator.estimate_batch(input, {.stop = {}, .deadline = std::chrono::steady_clock::now()});
  CHECK(late[0].code == ErrorCode::deadline_exceeded);
  CHECK(late[1].code == ErrorCode::deadline_exceeded);
}

TEST_CASE("A subset gives only its keypoints, with their names and links") {
  EstimatorOptions options;
  options.keypoints = {"eyes"};
  const PoseEstimator estimator(Model(green_model()), options);
  CHECK(estimator.keypoints().name == "eyes");
  CHECK(estimator.keypoints().keypoints[0].name == "left_eye");
  CHECK(estimator.keypoints().links.empty());
  const Image image = with_spot(200, 100, 60, 50);
  const std::vector<Box> boxes{around(60, 50)};
  const ImageResult all = PoseEstimator(Model(green_model())).estimate(image.view(), boxes);
  const ImageResult eyes = estimator.estimate(image.view(), boxes);
  REQUIRE(eyes.poses.at(0).keypoints.size() == 2);
  CHECK(eyes.poses[0].keypoints[0] == all.poses.at(0).keypoints[1]);
  CHECK(eyes.poses[0].keypoints[1] == all.poses.at(0).keypoints[2]);
}

TEST_CASE("The flip test runs the mirrored crop and averages with left and right swapped") {
  EstimatorOptions options;
  options.flip_test = true;
  const auto model = green_model();
  const PoseEstimator estimator(Model(model), options);
  const Image image = with_spot(200, 100, 60, 50);
  const std::vector<Box> boxes{around(66, 50)};
  const ImageResult result = estimator.estimate(image.view(), boxes);
  CHECK(model->batches() == std::vector<std::size_t>{1, 1});
  // Plain: centre + k. Mirrored back (mmpose's shift included): x -> 1 - x - 1/W in units of the width, from the partner channel, so
  // centre - k'. With k, k' = 0, 0 for the nose; 1, 2 for the left eye; 2, 1 for the right.
  const double pixel = 37 * 1.25 / 48;  // image pixels of one input pixel
  const double scale = std::max(37 * 1.25, 46 * 1.25 * 48 / 64) / 48;
  CHECK(pixel == Approx(scale));
  CHECK(result.poses.at(0).keypoints[0].x == Approx(60).margin(0.03));
  CHECK(result.poses.at(0).keypoints[1].x == Approx(60 - 0.5 * scale).margin(0.03));
  CHECK(result.poses.at(0).keypoints[2].x == Approx(60 + 0.5 * scale).margin(0.03));
}

TEST_CASE("The flip test is refused for a set without partners, by name") {
  ModelInfo info = regression_info();
  info.pose().keypoints.keypoints[1].swap = std::nullopt;
  EstimatorOptions options;
  options.flip_test = true;
  const auto make = [&] { return PoseEstimator(Model(std::make_shared<FakeBackend>(info, centre_of_green)), options); };
  CHECK_THROWS_WITH(make(), ContainsSubstring("swap"));
  fails_with(make, "keypoint set", "three");
}

TEST_CASE("Options that do not fit the model are refused with their value") {
  const auto make = [](const EstimatorOptions& options) { return PoseEstimator(Model(green_model()), options); };
  EstimatorOptions options;
  options.box_padding = -1;
  fails_with([&] { return make(options); }, "box padding", "-1");
  options = {};
  options.keypoints = {"tail"};
  fails_with([&] { return make(options); }, "keypoint", "tail");
  ModelInfo detect = regression_info();
  detect.purpose = DetectInfo{};
  fails_with([&] { return PoseEstimator(Model(std::make_shared<FakeBackend>(detect, centre_of_green))); }, "model",
             "task \"pose\" is expected");
}

TEST_CASE("An unusable channel gives the box's centre with score 0") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto model = std::make_shared<FakeBackend>(regression_info(), [nan](const CropBatch&) {
    return std::vector<FakeBackend::Tensor>{{{1, 3, 3}, {nan, 1, 1, 1, 1, nan, 10, 20, 0.7F}}};
  });
  const PoseEstimator estimator{Model(model)};
  const Image image = with_spot(200, 100, 60, 50);
  const std::vector<Box> boxes{{10, 20, 50, 80}};
  const ImageResult result = estimator.estimate(image.view(), boxes);
  CHECK(result.poses.at(0).keypoints[0] == Keypoint{30, 50, 0});
  CHECK(result.poses[0].keypoints[1] == Keypoint{30, 50, 0});
  CHECK(result.poses[0].keypoints[2].score == 0.7F);

  const std::vector<Box> enormous{{-1e200, -1e200, 1e200, 1e200}};
  const ImageResult finite = estimator.estimate(image.view(), enormous);
  for (const Keypoint& keypoint : finite.poses.at(0).keypoints) {
    CHECK(std::isfinite(keypoint.x));
    CHECK(std::isfinite(keypoint.y));
  }
}

namespace {

struct Crowd {
  std::vector<Image> images;
  std::vector<std::vector<Box>> boxes;
  std::vector<ImageBoxes> input;
};

/// Images of mixed sizes with several people each, one box of them bad.
Crowd crowd() {
  Crowd crowd;
  for (int i = 0; i < 5; ++i) {
    crowd.images.push_back(with_spot(150 + 40 * i, 210 - 30 * i, 60 + i, 50));
    crowd.boxes.emplace_back();
    for (int k = 0; k < i + 2; ++k) crowd.boxes.back().push_back(around(58 + k, 49 + k));
  }
  crowd.boxes[1][1].x2 = crowd.boxes[1][1].x1;
  for (std::size_t i = 0; i < crowd.images.size(); ++i) crowd.input.push_back({crowd.images[i].view(), crowd.boxes[i]});
  return crowd;
}

std::vector<std::vector<Pose>> poses_of(const std::vector<ImageResult>& results) {
  std::vector<std::vector<Pose>> poses;
  for (const ImageResult& result : results) poses.push_back(result.poses);
  return poses;
}

PoseEstimator estimator_with(std::shared_ptr<Executor> executor) {
  EstimatorOptions options;
  options.executor = std::move(executor);
  options.max_batch = 3;
  options.flip_test = true;
  return PoseEstimator(Model(green_model()), options);
}

}  // namespace

TEST_CASE("Results are bit-equal on every executor") {
  const Crowd people = crowd();
  const auto expected = poses_of(estimator_with(nullptr).estimate_batch(people.input));
  REQUIRE(expected[4].size() == 6);
  for (const std::size_t threads : {1U, 2U, 3U, 8U}) {
    CHECK(poses_of(estimator_with(std::make_shared<ThreadPool>(threads)).estimate_batch(people.input)) == expected);
  }
  CHECK(poses_of(estimator_with(std::make_shared<posekit_test::ShufflingExecutor>()).estimate_batch(people.input)) == expected);
}

TEST_CASE("One estimator shared by eight threads gives each what one thread gets") {
  const Crowd people = crowd();
  const PoseEstimator estimator = estimator_with(std::make_shared<ThreadPool>(3));
  const auto expected = poses_of(estimator.estimate_batch(people.input));
  std::vector<int> equal(8, 0);
  at_once(equal.size(), [&](std::size_t i) {
    for (int round = 0; round < 5; ++round) equal[i] += poses_of(estimator.estimate_batch(people.input)) == expected ? 1 : 0;
  });
  CHECK(equal == std::vector<int>(8, 5));
}

TEST_CASE("An estimator fails at once in a forked child and keeps working in the parent") {
  auto estimator = std::make_unique<PoseEstimator>(estimator_with(std::make_shared<ThreadPool>(2)));
  const Crowd people = crowd();
  const int refused = posekit_test::in_child([&] {
    int status = 1;
    try {
      (void)estimator->estimate_batch(people.input);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::forked) status = 0;
    }
    estimator.reset();
    return status;
  });
  CHECK(refused == 0);
  CHECK(estimator->estimate_batch(people.input)[0].poses.size() == 2);
}
