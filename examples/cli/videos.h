/// posekit estimate, videos and cameras: frame after frame through the models, a JSON line and, if asked, a drawn frame for each.
#pragma once

#include "run_context.h"

namespace cli {

/// Works on one video or camera. Its files are written whole or not at all: Ctrl-C leaves nothing of a video, and ends a camera's files.
/// @throws std::runtime_error (a model can't be loaded)
void run_video(const RunContext& run, const Input& input);

}  // namespace cli
