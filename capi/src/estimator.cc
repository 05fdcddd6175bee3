/// Estimators: making them of a model, and estimating.
#include "posekit/estimator.h"

#include "arguments.h"
#include "guard.h"
#include "handles.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

posekit::EstimatorOptions estimator_options(const posekit_estimator_options* given) {
  constexpr std::size_t first_size = offsetof(posekit_estimator_options, reserved) + sizeof(given->reserved);
  const auto options = read_options(given, first_size, "posekit_estimator_options");
  check_reserved(options.reserved, "posekit_estimator_options");
  posekit::EstimatorOptions result;
  result.executor = executor_of(options.executor);
  result.max_batch = options.max_batch;
  if (options.box_padding != 0) result.box_padding = options.box_padding;
  result.keypoints = strings(options.keypoints, options.keypoint_count, "keypoints");
  result.flip_test = boolean(options.flip_test, "flip_test");
  return result;
}

}  // namespace

posekit_status posekit_estimator_create(const posekit_model* model, const posekit_estimator_options* options,
                                        posekit_estimator** estimator) {
  return guard([&] {
    clear(estimator);
    require(estimator, "estimator");
    auto made = std::make_shared<posekit::PoseEstimator>(require(model, "model").model, estimator_options(options));
    *estimator = new posekit_estimator{std::move(made)};
  });
}

posekit_status posekit_estimator_keypoint_set(const posekit_estimator* estimator, posekit_keypoint_set** set) {
  return guard([&] {
    clear(set);
    require(set, "set");
    *set = new_keypoint_set(require(estimator, "estimator").estimator->keypoints());
  });
}

posekit_status posekit_estimator_estimate(const posekit_estimator* estimator, const posekit_image* image, const posekit_box* boxes,
                                          size_t box_count, const posekit_control* control, posekit_result** result) {
  return guard([&] {
    clear(result);
    require(result, "result");
    const auto& shared = require(estimator, "estimator").estimator;
    auto people = posekit_c::boxes(boxes, box_count);
    const posekit::ImageView view = image_view(require(image, "image"));
    posekit::ImageResult estimated = shared->estimate(view, people, run_control(control));
    *result = new_result(shared, view.size(), {.boxes = std::move(people), .result = std::move(estimated), .detected = false});
  });
}

posekit_status posekit_estimator_estimate_batch(const posekit_estimator* estimator, const posekit_image_boxes* images, size_t image_count,
                                                const posekit_control* control, posekit_result** result) {
  return guard([&] {
    clear(result);
    require(result, "result");
    const auto& shared = require(estimator, "estimator").estimator;
    std::vector<posekit::Prediction> predictions;
    std::vector<posekit::ImageBoxes> input;
    std::vector<posekit::Size> sizes;
    for (const posekit_image_boxes& image : array(images, image_count, "images")) {
      predictions.push_back({.boxes = boxes(image.boxes, image.box_count), .result = {}, .detected = false});
      input.push_back({image_view(image.image), predictions.back().boxes});  // a vector that moves takes its elements along
      sizes.push_back(input.back().image.size());
    }
    std::vector<posekit::ImageResult> results = shared->estimate_batch(input, run_control(control));
    for (std::size_t i = 0; i < results.size(); ++i) predictions[i].result = std::move(results[i]);
    *result = new_result(shared, sizes, std::move(predictions));
  });
}

void posekit_estimator_destroy(posekit_estimator* estimator) { delete estimator; }
