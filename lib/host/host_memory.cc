/// How much memory a process may still take.
#include "host/host_memory.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "host/control_groups.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

/// A file's only number; nothing for "max" and for a file that is not there.
std::optional<std::uint64_t> number_in(const fs::path& path) {
  std::uint64_t value = 0;
  if (std::ifstream(path) >> value) return value;
  return std::nullopt;
}

/// The number behind a word at a line's beginning.
std::optional<std::uint64_t> number_after(const fs::path& path, const std::string& word) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(word + ' ')) continue;
    const std::size_t digits = line.find_first_of("0123456789", word.size());
    if (digits == std::string::npos) return std::nullopt;
    return std::strtoull(line.c_str() + digits, nullptr, 10);
  }
  return std::nullopt;
}

/// What a group leaves of its limit.
std::optional<std::uint64_t> left_in(const fs::path& group, bool unified) {
  const auto limit = number_in(group / (unified ? "memory.max" : "memory.limit_in_bytes"));
  const auto used = number_in(group / (unified ? "memory.current" : "memory.usage_in_bytes"));
  if (!limit || !used) return std::nullopt;
  const std::uint64_t cache = number_after(group / "memory.stat", unified ? "inactive_file" : "total_inactive_file").value_or(0);
  const std::uint64_t taken = *used - std::min(*used, cache);
  return *limit - std::min(*limit, taken);
}

}  // namespace

std::optional<std::uint64_t> available_host_memory(const fs::path& proc, const fs::path& cgroup_root) {
  std::optional<std::uint64_t> least;
  if (const auto kilobytes = number_after(proc / "meminfo", "MemAvailable:")) least = *kilobytes * 1024;
  for (const ControlGroups& groups : control_groups("memory", proc / "self/cgroup", cgroup_root)) {
    for (const fs::path& folder : groups.folders) {
      const auto left = left_in(folder, groups.unified);
      if (left && (!least || *left < *least)) least = left;
    }
  }
  return least;
}

}  // namespace posekit::inline v0
