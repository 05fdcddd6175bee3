/// Replicas of real models on the CPU: the results bear no trace of them.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <vector>

#include "posekit/detector.h"
#include "posekit/error.h"
#include "posekit/estimator.h"
#include "posekit/image_io.h"
#include "posekit/model.h"
#include "support/fails_with.h"
#include "support/paths.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

Model load(const char* name, const std::string& device) {
  ModelOptions options;
  options.device = device;
  return Model(posekit_test::source_dir() / "examples/models" / name, options);
}

std::vector<ImageResult> poses_on(const std::string& device, std::size_t max_batch, bool flip_test, const std::vector<ImageBoxes>& input) {
  EstimatorOptions options;
  options.max_batch = max_batch;
  options.flip_test = flip_test;
  const PoseEstimator estimator(load("pose_landmark_lite.pt", device), options);
  CHECK(to_string(estimator.model().devices()) == device);
  return estimator.estimate_batch(input);
}

}  // namespace

TEST_CASE("Two and three replicas on the CPU give one replica's results, bit for bit") {
  std::vector<Image> images;
  std::vector<std::vector<Box>> boxes;
  std::vector<ImageBoxes> input;
  for (const char* name : {"people.jpg", "astronaut.jpg", "camera.jpg"}) {
    images.push_back(read_image(posekit_test::source_dir() / "examples/images" / name));
    const double width = images.back().width;
    const double height = images.back().height;
    boxes.push_back({{0, 0, width, height}, {width / 4, 0, width / 2, height}, {0, height / 3, width, height}});
  }
  for (std::size_t i = 0; i < images.size(); ++i) input.push_back({images[i].view(), boxes[i]});

  const struct {
    std::size_t max_batch;
    bool flip_test;
  } cases[] = {{0, false}, {2, false}, {0, true}};
  for (const auto& [max_batch, flip_test] : cases) {
    const auto expected = poses_on("cpu", max_batch, flip_test, input);
    for (const char* device : {"cpu,cpu", "cpu,cpu,cpu"}) {
      const auto results = poses_on(device, max_batch, flip_test, input);
      for (std::size_t i = 0; i < input.size(); ++i) {
        REQUIRE(results[i].code == ErrorCode::ok);
        REQUIRE(results[i].poses.size() == boxes[i].size());
        for (std::size_t p = 0; p < results[i].poses.size(); ++p) CHECK(results[i].poses[p].keypoints == expected[i].poses[p].keypoints);
      }
    }
  }
}

TEST_CASE("A detector with two replicas finds what one finds") {
  const Image image = read_image(posekit_test::source_dir() / "examples/images/people.jpg");
  const PersonDetector one(load("person_detector.pt", "cpu"));
  const PersonDetector two(load("person_detector.pt", "cpu,cpu"));
  CHECK(two.model().on_cpu());
  CHECK(to_string(two.model().devices()) == "cpu,cpu");
  const auto boxes = one.detect(image.view());
  REQUIRE(!boxes.empty());
  CHECK(two.detect(image.view()) == boxes);
}

TEST_CASE("An invalid list of devices is refused with what is expected") {
  for (const char* device : {"cpu,", ",cpu", "cpu,,cpu", "auto,cpu", "cpu,auto", "cpu;cpu", "cpu, cpu", "cpu,gpu", "cuda:x,cuda:0", ","}) {
    CAPTURE(device);
    const auto loading = [&] { return load("pose_landmark_lite.pt", device); };
    CHECK_THROWS_MATCHES(loading(), Error, MessageMatches(ContainsSubstring("joined by commas")));
    posekit_test::fails_with(loading, "device", device);
  }
}
