/// Notes of the library, for whoever asked for them.
#pragma once

#include <string_view>

#include "posekit/export.h"
#include "posekit/runtime.h"

namespace posekit::inline v0 {

/// Hands a note to the log callback, if there is one. Thread-safe.
POSEKIT_API void log(LogLevel level, std::string_view message);

}  // namespace posekit::inline v0
