/// How far two crops are apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace posekit_test {

/// The largest difference of two values at one place. @param expected as many values as `found`
inline int grey_levels_apart(std::span<const std::uint8_t> found, const std::uint8_t* expected) {
  int largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) largest = std::max(largest, std::abs(found[i] - expected[i]));
  return largest;
}

}  // namespace posekit_test
