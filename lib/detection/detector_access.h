/// Makes detectors around any backend: for tests and for other ways to load.
#pragma once

#include <memory>

#include "backend/model_backend.h"
#include "posekit/detector.h"

namespace posekit::inline v0 {

struct DetectorAccess {
  /// options.model is not looked at: the backend is loaded.
  /// @throws Error invalid_argument for options that do not fit the model
  static PersonDetector make(std::shared_ptr<ModelBackend> backend, DetectorOptions options);
};

}  // namespace posekit::inline v0
