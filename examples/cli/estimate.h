/// posekit estimate.
#pragma once

#include "options.h"

namespace cli {

/// @return the exit code: 0 all went well, 1 something failed, 130 interrupted
int run_estimate(const EstimateOptions& options);

}  // namespace cli
