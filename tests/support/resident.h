/// How much memory this process has.
#pragma once

#include <fstream>
#include <string>

namespace posekit_test {

/// What the kernel says of this process, in kilobytes; -1 where it does not tell. @param key for example "VmRSS:"
inline long status_kilobytes(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    if (word == key) {
      long value = 0;
      file >> value;
      return value;
    }
  }
  return -1;
}

/// Kilobytes in memory.
inline long resident_kilobytes() { return status_kilobytes("VmRSS:"); }

/// The most that it was since the process began, or since it was reset (/proc/self/clear_refs).
inline long peak_kilobytes() { return status_kilobytes("VmHWM:"); }

}  // namespace posekit_test
