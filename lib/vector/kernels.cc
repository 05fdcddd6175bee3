/// Chooses the kernels for the processor that runs.
#include "vector/kernels.h"

namespace posekit::inline v0 {

const Kernels& kernels() noexcept {
#ifdef POSEKIT_AVX2
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return avx2::kernels;
#endif
  return baseline::kernels;
}

}  // namespace posekit::inline v0
