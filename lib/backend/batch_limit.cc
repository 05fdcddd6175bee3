/// How many crops go into one forward.
#include "backend/batch_limit.h"

#include <algorithm>
#include <string>

#include "base/log.h"
#include "base/process_end.h"

namespace posekit::inline v0 {

BatchLimit::BatchLimit(std::size_t asked, const ModelBackend& backend) noexcept {
  if (asked == 0) asked = backend.on_cpu() ? 1 : usual;
  size_ = std::min(asked, backend.max_batch());
}

bool BatchLimit::lower_below(std::size_t failed, ModelBackend& backend) {
  if (failed < 2) return false;
  {
    const ModelWork work;
    backend.release_cached();
  }
  const std::size_t half = failed / 2;
  std::size_t now = size_;
  while (now > half && !size_.compare_exchange_weak(now, half)) {
  }
  if (now > half) {
    log(LogLevel::warning, "model \"" + backend.info().name + "\": a batch of " + std::to_string(failed) +
                               " does not fit into memory, from now on batches have at most " + std::to_string(half));
  }
  return true;
}

}  // namespace posekit::inline v0
