/// fork() after Torch has run with two threads: what a child may do works, everything else fails at once.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <memory>
#include <vector>

#include "faults/rounds.h"
#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/in_child.h"
#include "support/paths.h"

using namespace posekit;
using posekit_test::in_child;

namespace {

std::filesystem::path model(const char* name) { return posekit_test::source_dir() / "examples/models" / name; }

template <class Call>
bool is_refused(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code() == ErrorCode::forked;
  }
  return false;
}

}  // namespace

TEST_CASE("A child forked after forwards with two Torch threads is refused its parent's objects") {
  set_torch_threads(2);
  auto pool = std::make_shared<ThreadPool>(2);
  EstimatorOptions options;
  options.executor = pool;
  const Image image = read_image(posekit_test::source_dir() / "examples/images/astronaut.jpg");
  auto detector = std::make_unique<PersonDetector>(model("person_detector.pt"));
  auto estimator = std::make_unique<PoseEstimator>(model("pose_landmark_lite.pt"), options);
  const std::vector<Box> boxes = detector->detect(image.view());
  REQUIRE(boxes.size() == 1);
  const Predictor predictor{PoseEstimator(estimator->model()), PersonDetector(detector->model())};
  const PredictorInput with_boxes{image.view(), boxes};
  const ImageResult expected = estimator->estimate(image.view(), boxes);
  REQUIRE(expected.poses.size() == 1);

  const int refused = in_child([&] {
    bool all = is_refused([&] { (void)estimator->estimate(image.view(), boxes); });
    all = is_refused([&] { (void)estimator->estimate_batch({}); }) && all;
    all = is_refused([&] { (void)detector->detect(image.view()); }) && all;
    all = is_refused([&] { (void)detector->detect_batch({}); }) && all;
    all = is_refused([&] { (void)predictor.predict(image.view()); }) && all;
    all = is_refused([&] { (void)predictor.predict_batch({&with_boxes, 1}); }) && all;
    all = is_refused([&] { (void)PoseEstimator(estimator->model()); }) && all;
    all = is_refused([&] { (void)PersonDetector(detector->model()); }) && all;
    all = is_refused([&] { (void)estimator->model().measure_memory(); }) && all;
    all = is_refused([&] { pool->parallel_for(3, [](std::size_t, std::size_t) {}); }) && all;
    estimator.reset();
    detector.reset();
    pool.reset();
    options.executor.reset();
    return all ? 0 : 1;
  });
  CHECK(refused == 0);

  for (int round = 0; round < posekit_test::rounds(5, 50); ++round) {
    const int worked = in_child([&] {
      set_torch_threads(1);  // first thing: docs/threading.md
      EstimatorOptions own;
      own.executor = std::make_shared<ThreadPool>(2);
      const PoseEstimator child_estimator(model("pose_landmark_lite.pt"), own);
      const ImageResult result = child_estimator.estimate(image.view(), boxes);
      return result.poses.size() == 1 && std::abs(result.poses[0].keypoints[0].x - expected.poses[0].keypoints[0].x) < 0.1F ? 0 : 1;
    });
    INFO("round " << round);
    CHECK(worked == 0);
  }
  CHECK(estimator->estimate(image.view(), boxes).poses == expected.poses);  // the parent is as it was
}
