/// POSEKIT_API, which marks what the shared library exports.
#pragma once

#define POSEKIT_API __attribute__((visibility("default")))
