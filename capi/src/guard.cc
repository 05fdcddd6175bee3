/// Each thread's last error.
#include "guard.h"

#include <exception>
#include <new>
#include <string>

#include "posekit/error.h"

namespace posekit_c {
namespace {

/// A text of its own memory, or a static one where there is none.
struct LastError {
  std::string text;
  const char* shown = "";
};
thread_local LastError last_error;

posekit_status report(posekit_status status, const char* message) noexcept {
  try {
    last_error.text = message;
    last_error.shown = last_error.text.c_str();
  } catch (...) {
    last_error.shown = "memory ran out, also for the text of this error: free some and call again";
  }
  return status;
}

}  // namespace

posekit_status report_current_exception() noexcept {
  try {
    throw;
  } catch (const posekit::Error& error) {
    return report(static_cast<posekit_status>(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    last_error.shown = "memory ran out: free some, or pass smaller images, fewer persons or a smaller model";
    return POSEKIT_ERROR_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    return report(POSEKIT_ERROR_INTERNAL, error.what());
  } catch (...) {
    return report(POSEKIT_ERROR_INTERNAL, "an exception of unknown type was thrown");
  }
}

}  // namespace posekit_c

const char* posekit_last_error_message() { return posekit_c::last_error.shown; }

const char* posekit_status_name(posekit_status status) {
  if (status < POSEKIT_OK || status > POSEKIT_ERROR_INTERNAL) return "unknown";
  return posekit::to_string(static_cast<posekit::ErrorCode>(status)).data();
}
