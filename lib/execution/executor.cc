/// The executor interface's destructor and the serial executor.
#include "posekit/executor.h"

namespace posekit::inline v0 {

Executor::~Executor() = default;

void SerialExecutor::parallel_for(std::size_t n, TaskRef task) {
  for (std::size_t index = 0; index < n; ++index) task(index, 0);
}

}  // namespace posekit::inline v0
