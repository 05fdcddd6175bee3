/// posekit inspect.
#pragma once

#include "options.h"

namespace cli {

struct InspectOptions {
  ModelChoice model;
  bool memory = false;  ///< Also what it takes of its device's memory.
};

int run_inspect(const InspectOptions& options);

}  // namespace cli
