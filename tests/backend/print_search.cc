/// Prints what POSEKIT_BACKENDS is to posekit. For a copy that is set-uid.
#include <cstdio>

#include "backend/loaded_backend.h"

int main() { std::printf("%s\n", posekit::backend_search().variable.c_str()); }
