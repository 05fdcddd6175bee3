/// Which device a test of the backend runs on: the CPU, or in programs of the label gpu a CUDA device.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "support/torch_internals.h"

namespace posekit_test {

inline std::string test_device() {
#ifdef POSEKIT_TEST_ON_CUDA
  return "cuda";
#else
  return "cpu";
#endif
}

}  // namespace posekit_test

/// Skips a test whose device is not there, with the reason.
#define POSEKIT_NEEDS_TEST_DEVICE()                                                                  \
  do {                                                                                               \
    const std::string why = posekit_test::test_device() == "cpu" ? "" : posekit_test::why_no_cuda(); \
    if (!why.empty()) SKIP("no CUDA device: " << why);                                               \
  } while (false)
