/// Estimators: loading a pose model, and estimating.
#include "posekit/estimator.h"

#include "arguments.h"
#include "guard.h"
#include "handles.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

posekit::EstimatorOptions estimator_options(const posekit_model_options* model, const posekit_estimator_options* given) {
  constexpr std::size_t first_size = offsetof(posekit_estimator_options, reserved) + sizeof(given->reserved);
  const auto options = read_options(given, first_size, "posekit_estimator_options");
  if (options.reserved != 0) fail("posekit_estimator_options.reserved is " + std::to_string(options.reserved) + ", 0 is expected");
  posekit::EstimatorOptions result;
  result.model = model_options(model);
  result.executor = executor_of(options.executor);
  result.max_batch = options.max_batch;
  if (options.box_padding != 0) result.box_padding = options.box_padding;
  result.keypoints = strings(options.keypoints, options.keypoint_count, "keypoints");
  result.flip_test = boolean(options.flip_test, "flip_test");
  return result;
}

template <class Source>
posekit_estimator* new_estimator(const Source& model, posekit::EstimatorOptions options) {
  return new posekit_estimator{std::make_shared<posekit::PoseEstimator>(model, std::move(options))};
}

}  // namespace

posekit_status posekit_estimator_create(const char* path, const posekit_model_options* model_options,
                                        const posekit_estimator_options* options, posekit_estimator** estimator) {
  return guard([&] {
    clear(estimator);
    require(estimator, "estimator");
    *estimator = new_estimator(std::filesystem::path(&require(path, "path")), estimator_options(model_options, options));
  });
}

posekit_status posekit_estimator_create_from_memory(const void* data, size_t size, const posekit_model_options* model_options,
                                                    const posekit_estimator_options* options, posekit_estimator** estimator) {
  return guard([&] {
    clear(estimator);
    require(estimator, "estimator");
    *estimator = new_estimator(array(static_cast<const std::byte*>(data), size, "data"), estimator_options(model_options, options));
  });
}

posekit_status posekit_estimator_info(const posekit_estimator* estimator, posekit_model_info* info) {
  return guard([&] {
    const auto& self = *require(estimator, "estimator").estimator;
    fill_info(info, self.info(), self.device(), self.keypoints().size());
  });
}

posekit_status posekit_estimator_metadata_json(const posekit_estimator* estimator, char** json) {
  return guard([&] {
    clear(json);
    require(json, "json");
    *json = new_string(posekit::to_json(require(estimator, "estimator").estimator->info()));
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
    const auto people = posekit_c::boxes(boxes, box_count);
    const posekit::ImageBoxes input{image_view(require(image, "image")), people};
    std::vector<posekit::ImageResult> results;
    results.push_back(shared->estimate(input.image, input.boxes, run_control(control)));
    *result = new_result(shared, {&input, 1}, std::move(results));
  });
}

posekit_status posekit_estimator_estimate_batch(const posekit_estimator* estimator, const posekit_image_boxes* images, size_t image_count,
                                                const posekit_control* control, posekit_result** result) {
  return posekit_estimator_estimate_placed_batch(estimator, images, nullptr, image_count, control, result);
}

posekit_status posekit_estimator_estimate_placed_batch(const posekit_estimator* estimator, const posekit_image_boxes* images,
                                                       const posekit_image_place* places, size_t image_count,
                                                       const posekit_control* control, posekit_result** result) {
  return guard([&] {
    clear(result);
    require(result, "result");
    const auto& shared = require(estimator, "estimator").estimator;
    std::vector<std::vector<posekit::Box>> people;
    std::vector<posekit::ImageBoxes> input;
    for (const posekit_image_boxes& image : array(images, image_count, "images")) {
      people.push_back(boxes(image.boxes, image.box_count));
      input.push_back({image_view(image.image), people.back()});  // a vector that moves takes its elements along
      if (places != nullptr) place(input.back().image, places[input.size() - 1]);
    }
    *result = new_result(shared, input, shared->estimate_batch(input, run_control(control)));
  });
}

void posekit_estimator_destroy(posekit_estimator* estimator) { delete estimator; }
