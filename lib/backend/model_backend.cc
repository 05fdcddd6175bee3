/// What sessions do by default.
#include "backend/model_backend.h"

#include "posekit/error.h"

namespace posekit::inline v0 {

void BatchSession::crop(std::size_t /*slot*/, std::size_t /*position*/, const CropTask& /*task*/) {
  throw Error(ErrorCode::invalid_argument,
              "the image is on a device, but the model does not run on that device alone: copy the image to the host");
}

}  // namespace posekit::inline v0
