/// Cancellation and deadline of a call.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// What may end a call before its work is done. Checked between tasks and batches; a forward that runs is not interrupted.
struct RunControl {
  std::stop_token stop;                                           ///< Asked to stop: ErrorCode::cancelled.
  std::optional<std::chrono::steady_clock::time_point> deadline;  ///< Passed: ErrorCode::deadline_exceeded.

  /// @throws Error cancelled or deadline_exceeded
  POSEKIT_API void check() const;
};

}  // namespace posekit::inline v0
