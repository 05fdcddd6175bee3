/// Checks a call's cancellation and deadline.
#include "posekit/run_control.h"

#include "posekit/error.h"

namespace posekit::inline v0 {

void RunControl::check() const {
  if (stop.stop_requested()) throw Error(ErrorCode::cancelled, "the call was cancelled: results that were finished before are kept");
  if (deadline && std::chrono::steady_clock::now() >= *deadline) {
    throw Error(ErrorCode::deadline_exceeded,
                "the call's deadline passed: results that were finished before are kept; allow more time or pass less work");
  }
}

}  // namespace posekit::inline v0
