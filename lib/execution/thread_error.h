/// What is said where the system starts no thread.
#pragma once

#include <string>
#include <system_error>

#include "posekit/error.h"

namespace posekit::inline v0 {

/// @param which thread, begins the message @param remedy what to do, beside raising the limit
[[nodiscard]] inline Error thread_error(const std::string& which, const std::system_error& error, const std::string& remedy) {
  return {ErrorCode::out_of_memory, which + " can't be started (" + error.what() + "): " + remedy + " or raise the limit (ulimit -u)"};
}

}  // namespace posekit::inline v0
