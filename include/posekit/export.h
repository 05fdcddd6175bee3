/// Marks what leaves the shared library.
#pragma once

#define POSEKIT_API __attribute__((visibility("default")))
