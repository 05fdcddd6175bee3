/// Turns what Torch throws into posekit's errors.
#pragma once

#include <string>

#include "posekit/error.h"

namespace posekit::inline v0 {

/// The error that the exception being handled becomes; call it in a catch block.
/// @param what begins the message, for example "model \"a.pt\" failed"
/// @param fallback the code where Torch's exception says nothing more
[[nodiscard]] Error translate_current_exception(const std::string& what, ErrorCode fallback);

}  // namespace posekit::inline v0
