/// Many estimates in a row: the resident size stays where it is after the warm-up.
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <vector>

#include "faults/rounds.h"
#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/paths.h"
#include "support/resident.h"

using namespace posekit;

TEST_CASE("Memory stays flat over batches of all sizes, and in the end over models that are loaded and freed") {
#if defined(__SANITIZE_ADDRESS__)
  SKIP("AddressSanitizer keeps freed memory back on purpose: its size says nothing");
#endif
  setenv("DNNL_GRAPH_COMPILED_PARTITION_CACHE_CAPACITY", "64", 1);  // else what was compiled for 20 loads of this model is kept
  const auto model = posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt";
  const Image image = read_image(posekit_test::source_dir() / "examples/images/astronaut.jpg");
  EstimatorOptions options;
  options.max_batch = 8;
  const PoseEstimator estimator(model, options);
  REQUIRE(estimator.model().is_fused());
  std::minstd_rand random(3);
  const auto run = [&](int forwards, int loads) {
    while (forwards > 0) {
      const std::vector<Box> boxes(1 + random() % 8, {20, 10, 380, 500});
      REQUIRE(estimator.estimate(image.view(), boxes).poses.size() == boxes.size());
      forwards -= static_cast<int>(boxes.size());
    }
    for (int i = 0; i < loads; ++i) REQUIRE(Model(model).is_fused());
  };
  const int forwards = posekit_test::rounds(300, 20000);
  const int loads = posekit_test::rounds(10, 200);
  run(100, posekit_test::rounds(10, 120));  // what is kept of freed models stops growing after about a hundred
  const long before = posekit_test::resident_kilobytes();
  run(forwards, loads);
  const long after = posekit_test::resident_kilobytes();
  std::cout << forwards << " crops in batches of 1 to 8, " << loads << " loads: resident size " << before << " kB before, " << after
            << " kB after\n";
  REQUIRE(before > 0);
  CHECK(after - before < 12L * 1024);
}

TEST_CASE("Memory stays flat over many estimates, with failing ones among them") {
  const auto root = posekit_test::source_dir();
  EstimatorOptions options;
  options.executor = std::make_shared<ThreadPool>(2);
  const PoseEstimator estimator(root / "examples/models/pose_landmark_lite.pt", options);
  const Image image = read_image(root / "examples/images/astronaut.jpg");
  const std::vector<Box> boxes{{20, 10, 380, 500}, {5, 5, 1, 1}, {100, 50, 300, 400}};
  const ImageBoxes input{image.view(), boxes};
  const auto run = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const auto results = estimator.estimate_batch({&input, 1});
      REQUIRE(results[0].poses.size() == 2);
      REQUIRE(results[0].box_errors.size() == 1);
    }
  };
#if defined(__SANITIZE_ADDRESS__)
  SKIP("AddressSanitizer keeps freed memory back on purpose: its size says nothing");
#endif
  const int calls = posekit_test::rounds(150, 2000);
  run(50);  // warm-up: TorchScript specialises, buffers reach their size
  const long before = posekit_test::resident_kilobytes();
  run(calls);
  const long after = posekit_test::resident_kilobytes();
  std::cout << calls << " estimates: resident size " << before << " kB before, " << after << " kB after\n";
  REQUIRE(before > 0);
  CHECK(after - before < 8L * 1024);
}
