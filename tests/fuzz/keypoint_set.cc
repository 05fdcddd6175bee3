/// Fuzz target: keypoint sets as JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "posekit/error.h"
#include "posekit/keypoints.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const posekit::KeypointSet set = posekit::parse_keypoint_set({reinterpret_cast<const char*>(data), size});
    // What is accepted keeps its promises.
    for (const auto& [a, b] : set.links) {
      if (a >= set.size() || b >= set.size()) std::abort();
    }
    for (const auto& [name, indices] : set.subsets) {
      if (posekit::subset(set, indices).size() != indices.size()) std::abort();
    }
    for (std::size_t i = 0; i < set.size(); ++i) {
      if (set.keypoints[i].swap && set.keypoints[*set.keypoints[i].swap].swap != i) std::abort();
    }
  } catch (const posekit::Error&) {
  }
  return 0;
}
