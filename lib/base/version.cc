/// The library's version.
#include "posekit/runtime.h"

namespace posekit::inline v0 {

std::string_view version() noexcept { return POSEKIT_VERSION; }

}  // namespace posekit::inline v0
