/// Makes estimators around any backend: for tests and for other ways to load.
#pragma once

#include <memory>

#include "backend/model_backend.h"
#include "posekit/estimator.h"

namespace posekit::inline v0 {

struct EstimatorAccess {
  /// options.model is not looked at: the backend is loaded.
  /// @throws Error invalid_argument, not_found for options that do not fit the model
  static PoseEstimator make(std::shared_ptr<ModelBackend> backend, EstimatorOptions options);
};

}  // namespace posekit::inline v0
