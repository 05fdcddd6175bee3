/// Small models, and an image with two people, for tests that are about the C interface.
#include "capi/small_models.h"

#include "support/model_builder.h"

namespace posekit_c_test {

SmallModels::SmallModels() {
  posekit_test::save_script_model(
      pose_path, "def forward(self, x):\n    return x[:, 0:2, 0:8, 0:8] * 1.0\n",
      posekit_test::pose_metadata(
          "heatmap", 32, 32, 8, 8,
          R"({"name": "two", "keypoints": [{"name": "left_eye", "swap": 1}, {"name": "right_eye", "swap": 0}], "subsets": {"left": [0]}})"));
  posekit_test::save_script_model(
      detect_path,
      "def forward(self, x):\n    return torch.tensor([[[4.0, 4.0, 20.0, 30.0]]]).repeat([x.size(0), 1, 1]), torch.ones([x.size(0), 1])\n",
      R"({"format": "posekit-model/1", "task": "detect", "input": {"width": 32, "height": 32}, "output": {"codec": "boxes_scores"}})");
  pose = load(pose_path);
  detect = load(detect_path);
  estimator = estimator_of(pose.get());
  detector = detector_of(detect.get());
  predictor = predictor_of(estimator.get());
}

const SmallModels& small_models() {
  static const SmallModels all;
  return all;
}

Result estimate(const posekit_estimator* estimator) {
  return made<Result>(
      [&](auto** out) { return posekit_estimator_estimate(estimator, &image, two_boxes.data(), two_boxes.size(), nullptr, out); });
}

Detections detect() {
  return made<Detections>([](auto** out) { return posekit_detector_detect(small_models().detector.get(), &image, nullptr, out); });
}

Estimator estimator_on(const posekit_executor* executor) {
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  options.executor = executor;
  return estimator_of(small_models().pose.get(), &options);
}

}  // namespace posekit_c_test
