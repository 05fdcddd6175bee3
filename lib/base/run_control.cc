/// Checks a call's cancellation and deadline.
#include "posekit/run_control.h"

#include "posekit/error.h"

namespace posekit::inline v0 {

void RunControl::check() const {
  if (stop.stop_requested()) throw Error(ErrorCode::cancelled, "the call was cancelled: what was finished before is kept");
  if (deadline && std::chrono::steady_clock::now() >= *deadline) {
    throw Error(ErrorCode::deadline_exceeded,
                "the call's deadline has passed: what was finished before is kept; allow more time or pass less work");
  }
}

}  // namespace posekit::inline v0
