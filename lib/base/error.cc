/// Names of the error codes.
#include "posekit/error.h"

namespace posekit::inline v0 {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::ok: return "ok";
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::unsupported_model: return "unsupported_model";
    case ErrorCode::invalid_model: return "invalid_model";
    case ErrorCode::device_unavailable: return "device_unavailable";
    case ErrorCode::out_of_memory: return "out_of_memory";
    case ErrorCode::io: return "io";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::deadline_exceeded: return "deadline_exceeded";
    case ErrorCode::forked: return "forked";
    case ErrorCode::closed: return "closed";
    case ErrorCode::internal: return "internal";
  }
  return "unknown";
}

}  // namespace posekit::inline v0
