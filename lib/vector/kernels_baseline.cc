/// The kernels for any processor of the platform.
#define POSEKIT_KERNELS baseline
#include "vector/kernels_body.h"
