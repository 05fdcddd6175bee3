/// Static builds have what decodes and encodes videos linked in.
#include "io/video_library.h"

namespace posekit::inline v0 {

const VideoFunctions& video_functions() { return *static_cast<const VideoFunctions*>(posekit_video()->functions); }

}  // namespace posekit::inline v0
