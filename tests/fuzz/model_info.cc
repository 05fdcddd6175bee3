/// Fuzz target: model metadata as JSON.
#include "posekit/model_info.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "posekit/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const posekit::ModelInfo info = posekit::parse_model_info({reinterpret_cast<const char*>(data), size}, "fuzz");
    // What is accepted keeps its promises.
    if (info.input.width <= 0 || info.input.width > 16384 || info.input.height <= 0 || info.input.height > 16384) std::abort();
    for (const double deviation : info.input.std) {
      if (deviation == 0 || !std::isfinite(deviation)) std::abort();
    }
    if (info.task() == posekit::Task::pose && info.pose().keypoints.size() == 0) std::abort();
    if (info.task() == posekit::Task::pose && !(info.pose().box_padding > 0)) std::abort();
  } catch (const posekit::Error&) {
  }
  return 0;
}
