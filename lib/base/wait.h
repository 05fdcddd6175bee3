/// Waiting that a RunControl can end.
#pragma once

#include <condition_variable>
#include <mutex>

#include "posekit/run_control.h"

namespace posekit::inline v0 {

/// Waits until the condition holds or the control ends the wait. @return whether it holds; if not, control.check() throws
template <class Condition>
[[nodiscard]] bool wait(std::condition_variable_any& changed, std::unique_lock<std::mutex>& lock, const RunControl& control,
                        Condition condition) {
  return control.deadline ? changed.wait_until(lock, control.stop, *control.deadline, condition)
                          : changed.wait(lock, control.stop, condition);
}

}  // namespace posekit::inline v0
