/// Cancellation and deadline of a call.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// Says what may end a call before its work is done.
///
/// It is checked between tasks and batches. A forward that runs is not interrupted.
struct RunControl {
  /// Asked to stop: ErrorCode::cancelled.
  std::stop_token stop;
  /// Passed: ErrorCode::deadline_exceeded.
  std::optional<std::chrono::steady_clock::time_point> deadline;

  /// Checks whether the call may go on.
  ///
  /// @throws Error cancelled if `stop` was asked to stop
  /// @throws Error deadline_exceeded if `deadline` has passed
  POSEKIT_API void check() const;
};

}  // namespace posekit::inline v0
