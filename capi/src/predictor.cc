/// Predictors: making them of an estimator and a detector, and predicting.
#include "posekit/predictor.h"

#include "arguments.h"
#include "guard.h"
#include "handles.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

posekit_status posekit_predictor_create(const posekit_estimator* estimator, const posekit_detector* detector,
                                        posekit_predictor** predictor) {
  return guard([&] {
    clear(predictor);
    require(predictor, "predictor");
    const auto& shared = require(estimator, "estimator").estimator;
    *predictor = new posekit_predictor{shared, posekit::Predictor(shared, detector == nullptr ? nullptr : detector->detector)};
  });
}

posekit_status posekit_predictor_predict(const posekit_predictor* predictor, const posekit_image* image, const posekit_control* control,
                                         posekit_result** result) {
  return guard([&] {
    clear(result);
    require(result, "result");
    const posekit_predictor& self = require(predictor, "predictor");
    const posekit::ImageView view = image_view(require(image, "image"));
    *result = new_result(self.estimator, view.size(), self.predictor.predict(view, run_control(control)));
  });
}

posekit_status posekit_predictor_predict_batch(const posekit_predictor* predictor, const posekit_predictor_input* images,
                                               size_t image_count, const posekit_control* control, posekit_result** result) {
  return guard([&] {
    clear(result);
    require(result, "result");
    const posekit_predictor& self = require(predictor, "predictor");
    std::vector<std::vector<posekit::Box>> given;
    std::vector<posekit::PredictorInput> inputs;
    std::vector<posekit::Size> sizes;
    for (const posekit_predictor_input& image : array(images, image_count, "images")) {
      check_reserved(image.reserved, "posekit_predictor_input");
      inputs.push_back({.image = image_view(image.image), .boxes = {}});
      sizes.push_back(inputs.back().image.size());
      if (!boolean(image.has_boxes, "has_boxes")) continue;
      given.push_back(boxes(image.boxes, image.box_count));
      inputs.back().boxes = given.back();  // a vector that moves takes its elements along
    }
    *result = new_result(self.estimator, sizes, self.predictor.predict_batch(inputs, run_control(control)));
  });
}

void posekit_predictor_destroy(posekit_predictor* predictor) { delete predictor; }
