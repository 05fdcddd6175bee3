/// Damage to the bytes of a file, as disks, networks and programs do it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

namespace posekit_test {

/// Cut off, zeros or noise in a stretch, a few wrong bytes, a part twice or left out.
inline std::vector<std::byte> damaged(std::vector<std::byte> file, std::mt19937& random) {
  const auto below = [&](std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random); };
  const auto at = [&](std::size_t i) { return file.begin() + static_cast<std::ptrdiff_t>(i); };
  const std::size_t from = below(file.size());
  const std::size_t count = std::min(file.size() - from, 1 + below(400));
  switch (below(6)) {
    case 0: file.resize(from); break;
    case 1: std::fill(at(from), at(from + count), std::byte{0}); break;
    case 2: std::generate(at(from), at(from + count), [&] { return static_cast<std::byte>(below(256)); }); break;
    case 3:
      for (int i = 0; i < 3; ++i) file[below(file.size())] ^= static_cast<std::byte>(1U << below(8));
      break;
    case 4: {
      const std::vector<std::byte> part(at(from), at(from + count));
      file.insert(at(from), part.begin(), part.end());
      break;
    }
    default: file.erase(at(from), at(from + count));
  }
  return file;
}

}  // namespace posekit_test
