/// How much memory this process has.
#pragma once

#include <fstream>
#include <string>

namespace posekit_test {

/// Kilobytes in memory, as the kernel counts them; -1 where it does not tell.
inline long resident_kilobytes() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    if (word == "VmRSS:") {
      long value = 0;
      file >> value;
      return value;
    }
  }
  return -1;
}

}  // namespace posekit_test
