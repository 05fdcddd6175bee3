/// What every function of the C interface is wrapped in: no exception leaves, each becomes a status and a text.
#pragma once

#include "posekit_c.h"

namespace posekit_c {

/// Keeps what is being handled now as this thread's last error; call it in a catch block. Survives a lack of memory.
posekit_status report_current_exception() noexcept;

/// Runs the body of a function.
template <class Body>
posekit_status guard(Body&& body) noexcept {
  try {
    body();
    return POSEKIT_OK;
  } catch (...) {
    return report_current_exception();
  }
}

}  // namespace posekit_c
