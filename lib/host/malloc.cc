/// What malloc does with memory that is freed.
#include "posekit/runtime.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <limits>

namespace posekit::inline v0 {

bool keep_freed_memory() {
#ifdef __GLIBC__
  return mallopt(M_MMAP_THRESHOLD, 1 << 30) == 1 && mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max()) == 1;
#else
  return false;
#endif
}

}  // namespace posekit::inline v0
