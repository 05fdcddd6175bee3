/// One model, several estimators: what they share and what they do not, by the process's memory.
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <vector>

#include "posekit/estimator.h"
#include "posekit/model.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/resident.h"

using namespace posekit;

namespace {

constexpr std::int64_t side = 8192;
constexpr double weights = 4.0 * side * side;  // bytes: 256 MiB

/// How much memory the process has gained in the work, as a fraction of the weights.
template <class Work>
double growth(Work work) {
  const long before = posekit_test::resident_kilobytes();
  work();
  return static_cast<double>(posekit_test::resident_kilobytes() - before) * 1024 / weights;
}

/// One estimator of a model, used once, so that it has allocated all that it needs.
PoseEstimator used_estimator(const Model& model, const std::vector<std::string>& keypoints) {
  EstimatorOptions options;
  options.keypoints = keypoints;
  PoseEstimator estimator(model, options);
  const std::vector<std::uint8_t> grey(16 * 16, 90);
  const std::vector<Box> boxes{{0, 0, 15, 15}};
  const ImageResult result = estimator.estimate({grey.data(), 16, 16, 16, PixelFormat::gray8}, boxes);
  REQUIRE(result.poses.size() == 1);
  REQUIRE(result.poses[0].keypoints.size() == estimator.keypoints().size());
  return estimator;
}

}  // namespace

TEST_CASE("A second estimator of a model shares its weights, a second model of the file does not") {
#if defined(__SANITIZE_ADDRESS__)
  SKIP("AddressSanitizer keeps freed memory back on purpose: its size says nothing");
#endif
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "large.pt";
  posekit_test::save_script_model_with_weight(
      path, "def forward(self, x):\n    return x[:, 0:2, 0:4, 0:4] + self.weight[0, 0]\n", "weight", {side, side},
      posekit_test::pose_metadata("heatmap", 16, 16, 4, 4, R"({"name": "two", "keypoints": [{"name": "head"}, {"name": "tail"}]})"));
  REQUIRE(posekit_test::resident_kilobytes() > 0);

  std::vector<Model> models;
  std::vector<PoseEstimator> estimators;
  const double first = growth([&] {
    models.emplace_back(path);
    estimators.push_back(used_estimator(models[0], {}));
  });
  const double second_estimator = growth([&] { estimators.push_back(used_estimator(models[0], {"tail"})); });
  const double second_model = growth([&] {
    models.emplace_back(path);
    estimators.push_back(used_estimator(models[1], {"tail"}));
  });
  CAPTURE(first, second_estimator, second_model);
  CHECK(first > 0.8);
  CHECK(second_estimator < 0.1);
  CHECK(second_model > 0.8);
}
