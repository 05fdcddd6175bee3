/// The shipped models with fused operators beside the same without, and with themselves: in batches, on executors, from many threads.
#include <algorithm>
#include <array>
#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <filesystem>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/at_once.h"
#include "support/paths.h"

using namespace posekit;

namespace {

Model shipped(const std::string& name, bool fuse) {
  ModelOptions options;
  options.fuse = fuse;
  Model model(posekit_test::source_dir() / "examples/models" / name, options);
  REQUIRE(model.is_fused() == fuse);
  return model;
}

/// The shipped photos and, where they are beside the clone, COCO's.
std::vector<std::filesystem::path> photos() {
  std::vector<std::filesystem::path> files;
  for (const char* name : {"astronaut.jpg", "people.jpg"}) files.push_back(posekit_test::source_dir() / "examples/images" / name);
  if (const auto shared = posekit_test::shared_dir()) {
    for (const auto& entry : std::filesystem::directory_iterator(*shared / "data/coco")) {
      if (entry.path().extension() == ".jpg") files.push_back(entry.path());
    }
  }
  return files;
}

double distance(const Keypoint& a, const Keypoint& b) {
  return std::hypot(static_cast<double>(a.x) - static_cast<double>(b.x), static_cast<double>(a.y) - static_cast<double>(b.y));
}

}  // namespace

TEST_CASE("Fused operators move no box and no sure keypoint by a twentieth of a pixel") {
  const PersonDetector detector(shipped("person_detector.pt", true));
  const PersonDetector plain_detector(shipped("person_detector.pt", false));
  const char* const name = GENERATE("pose_landmark_full.pt", "pose_landmark_lite.pt");
  const PoseEstimator estimator(shipped(name, true));
  const PoseEstimator plain(shipped(name, false));
  std::size_t sure = 0;
  for (const auto& file : photos()) {
    CAPTURE(name, file);
    const Image image = read_image(file);
    const std::vector<Box> boxes = detector.detect(image.view());
    const std::vector<Box> expected_boxes = plain_detector.detect(image.view());
    REQUIRE(boxes.size() == expected_boxes.size());
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      const Box& a = boxes[i];
      const Box& b = expected_boxes[i];
      CHECK(std::max({std::abs(a.x1 - b.x1), std::abs(a.y1 - b.y1), std::abs(a.x2 - b.x2), std::abs(a.y2 - b.y2)}) < 0.05);
      CHECK(std::abs(a.score - b.score) < 1e-4F);
    }
    const auto found = estimator.estimate(image.view(), expected_boxes).poses;
    const auto expected = plain.estimate(image.view(), expected_boxes).poses;
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      for (std::size_t k = 0; k < found[i].keypoints.size(); ++k) {
        if (expected[i].keypoints[k].score < 0.3F) continue;
        CHECK(distance(found[i].keypoints[k], expected[i].keypoints[k]) < 0.05);
        ++sure;
      }
    }
  }
  CHECK(sure > (posekit_test::shared_dir() ? 100U : 50U));  // the examples alone have 99 keypoints
}

TEST_CASE("A person's pose has the same bits in every batch, on every executor and from every thread") {
  constexpr std::size_t most = 8;
  constexpr std::size_t threads = 4;
  constexpr std::size_t calls = 25;
  set_torch_threads(1);
  const Model model = shipped("pose_landmark_lite.pt", true);
  const Image image = read_image(posekit_test::source_dir() / "examples/images/people.jpg");
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < most; ++i) boxes.push_back({24 + 60.0 * static_cast<double>(i), 8, 300 + 60.0 * static_cast<double>(i), 500});
  const auto estimator_of = [&](std::shared_ptr<Executor> executor, std::size_t max_batch) {
    EstimatorOptions options;
    options.executor = std::move(executor);
    options.max_batch = max_batch;
    return PoseEstimator(model, options);
  };
  const PoseEstimator serial = estimator_of(nullptr, most);
  const PoseEstimator pool = estimator_of(std::make_shared<ThreadPool>(2), most);
  std::array<Pose, most> first;
  std::array<bool, most> seen{};
  std::mutex mutex;
  std::size_t different = 0;
  const auto look_at = [&](const std::vector<Pose>& poses) {
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < poses.size(); ++i) {
      if (!seen[i]) first[i] = poses[i];
      seen[i] = true;
      if (!(first[i] == poses[i])) ++different;
    }
  };
  posekit_test::at_once(threads, [&](std::size_t thread) {
    std::minstd_rand random(static_cast<unsigned>(thread) + 1);
    for (std::size_t call = 0; call < calls; ++call) {
      const PoseEstimator& estimator = random() % 2 == 0 ? serial : pool;
      look_at(estimator.estimate(image.view(), std::vector<Box>(boxes.begin(), boxes.begin() + 1 + random() % most)).poses);
    }
  });
  look_at(estimator_of(nullptr, 1).estimate(image.view(), boxes).poses);
  CHECK(different == 0);
}
