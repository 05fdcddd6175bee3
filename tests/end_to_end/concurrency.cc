/// Many callers at once on one detector and one estimator with the shipped models.
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <vector>

#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/at_once.h"
#include "support/paths.h"

using namespace posekit;

namespace {

struct Found {
  std::vector<std::vector<Box>> boxes;
  std::vector<std::vector<Pose>> poses;
  friend bool operator==(const Found&, const Found&) = default;
};

/// What detector and estimator make of the images.
Found look_at(const std::vector<Image>& images, const PersonDetector& detector, const PoseEstimator& estimator) {
  Found found;
  std::vector<ImageView> views;
  for (const Image& image : images) views.push_back(image.view());
  for (DetectionResult& result : detector.detect_batch(views)) found.boxes.push_back(std::move(result.boxes));
  std::vector<ImageBoxes> input;
  for (std::size_t i = 0; i < views.size(); ++i) input.push_back({views[i], found.boxes[i]});
  for (ImageResult& result : estimator.estimate_batch(input)) found.poses.push_back(std::move(result.poses));
  return found;
}

}  // namespace

TEST_CASE("Eight threads that share detector, estimator and pool get what one thread gets, bit for bit") {
  set_torch_threads(1);
  const auto root = posekit_test::source_dir() / "examples";
  const auto pool = std::make_shared<ThreadPool>(3);
  DetectorOptions detector_options;
  detector_options.executor = pool;
  EstimatorOptions estimator_options;
  estimator_options.executor = pool;
  const PersonDetector detector(root / "models/person_detector.pt", detector_options);
  const PoseEstimator estimator(root / "models/pose_landmark_lite.pt", estimator_options);
  std::vector<Image> images;
  for (const char* name : {"astronaut.jpg", "camera.jpg", "people.jpg"}) images.push_back(read_image(root / "images" / name));

  const Found expected = look_at(images, detector, estimator);
  REQUIRE(expected.poses[2].size() == 2);
  std::vector<Found> found(8);
  posekit_test::at_once(found.size(), [&](std::size_t i) { found[i] = look_at(images, detector, estimator); });
  for (const Found& mine : found) CHECK(mine == expected);
}
