/// How often a test repeats itself: a little in CI, long in a soak.
#pragma once

namespace posekit_test {

#ifdef POSEKIT_SOAK
constexpr int rounds(int, int soak) { return soak; }
#else
constexpr int rounds(int ci, int) { return ci; }
#endif

}  // namespace posekit_test
