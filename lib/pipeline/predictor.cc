/// Predictor: joins detection and estimation.
#include "posekit/predictor.h"

#include <utility>

#include "base/outcome.h"
#include "posekit/error.h"

namespace posekit::inline v0 {

Predictor::Predictor(std::shared_ptr<const PoseEstimator> estimator, std::shared_ptr<const PersonDetector> detector)
    : estimator_(std::move(estimator)), detector_(std::move(detector)) {
  if (!estimator_) throw Error(ErrorCode::invalid_argument, "the predictor's estimator is null: pass one");
}

Predictor::Predictor(std::shared_ptr<const PoseEstimator> estimator) : Predictor(std::move(estimator), nullptr) {}

Predictor::Predictor(PoseEstimator estimator) : Predictor(std::make_shared<const PoseEstimator>(std::move(estimator))) {}

Predictor::Predictor(PoseEstimator estimator, PersonDetector detector)
    : Predictor(std::make_shared<const PoseEstimator>(std::move(estimator)), std::make_shared<const PersonDetector>(std::move(detector))) {}

Prediction Predictor::predict(const ImageView& image, const RunControl& control) const {
  const PredictorInput input{.image = image};
  Prediction prediction = std::move(predict_batch({&input, 1}, control).front());
  if (prediction.result.code != ErrorCode::ok) throw Error(prediction.result.code, prediction.result.message);
  return prediction;
}

std::vector<Prediction> Predictor::predict_batch(std::span<const PredictorInput> images, const RunControl& control) const {
  std::vector<Prediction> predictions(images.size());
  std::vector<Target> all;
  std::vector<Target> to_detect;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Target target{images[i].image, &predictions[i]};
    all.push_back(target);
    if (images[i].boxes) {
      predictions[i].boxes.assign(images[i].boxes->begin(), images[i].boxes->end());
    } else if (detector_) {
      to_detect.push_back(target);
    } else {
      set_error(predictions[i].result, {ErrorCode::invalid_argument,
                                        "the image comes without boxes and the predictor has no detector: give boxes, or a detector"});
    }
  }
  if (!to_detect.empty()) detect(to_detect, control);
  estimate(all, control);
  return predictions;
}

void Predictor::detect(std::span<const Target> targets, const RunControl& control) const {
  if (!detector_) throw Error(ErrorCode::invalid_argument, "the predictor has no detector: pass boxes, or make it with a detector");
  std::vector<ImageView> images;
  for (const Target& target : targets) images.push_back(target.image);
  std::vector<DetectionResult> found = detector_->detect_batch(images, control);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    Prediction& prediction = *targets[i].prediction;
    prediction.detected = true;
    prediction.boxes = std::move(found[i].boxes);
    prediction.result.code = found[i].code;
    prediction.result.message = std::move(found[i].message);
    prediction.result.timings.detect = found[i].timings.detect;
  }
}

void Predictor::estimate(std::span<const Target> targets, const RunControl& control) const {
  std::vector<ImageBoxes> inputs;
  std::vector<Prediction*> predictions;
  for (const Target& target : targets) {
    if (target.prediction->result.code != ErrorCode::ok) continue;
    inputs.push_back({target.image, target.prediction->boxes});
    predictions.push_back(target.prediction);
  }
  std::vector<ImageResult> results = estimator_->estimate_batch(inputs, control);
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const Timings before = predictions[i]->result.timings;
    predictions[i]->result = std::move(results[i]);
    predictions[i]->result.timings.decode = before.decode;
    predictions[i]->result.timings.detect = before.detect;
  }
}

}  // namespace posekit::inline v0
