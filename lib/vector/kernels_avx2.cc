/// The kernels for x86-64 with AVX2; the build compiles this file for it.
#define POSEKIT_KERNELS avx2
#include "vector/kernels_body.h"
