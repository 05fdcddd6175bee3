/// posekit inspect.
#pragma once

#include "options.h"

namespace cli {

int run_inspect(const ModelChoice& choice);

}  // namespace cli
