/// How many CPUs this process may use.
#include "execution/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#include "posekit/runtime.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr int most_cpus = 1 << 16;

std::size_t affinity_cpus() {
  for (int count = 1024; count <= most_cpus; count *= 4) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(count));
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(count));
    const int found = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (found > 0) return static_cast<std::size_t>(found);
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

std::size_t whole_cpus(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return 0;
  return static_cast<std::size_t>(std::clamp(std::ceil(quota / period), 1.0, static_cast<double>(most_cpus)));
}

std::size_t quota_v2(const fs::path& folder) {
  std::ifstream file(folder / "cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max") return 0;
  return whole_cpus(std::strtod(quota.c_str(), nullptr), period);
}

std::size_t quota_v1(const fs::path& folder) {
  double quota = 0;
  double period = 0;
  std::ifstream(folder / "cpu.cfs_quota_us") >> quota;
  std::ifstream(folder / "cpu.cfs_period_us") >> period;
  return whole_cpus(quota, period);
}

/// The smallest quota from a group up to the root; 0 if there is none.
template <class Quota>
std::size_t smallest_quota(const fs::path& root, fs::path group, Quota quota) {
  std::size_t smallest = 0;
  for (;; group = group.parent_path()) {
    const std::size_t found = quota(root / group.relative_path());
    if (found != 0) smallest = smallest == 0 ? found : std::min(smallest, found);
    if (group.empty() || group == "/") return smallest;
  }
}

}  // namespace

std::size_t cgroup_cpus(const fs::path& proc_cgroup, const fs::path& root) {
  std::ifstream file(proc_cgroup);
  for (std::string line; std::getline(file, line);) {  // "0::/group" or "4:cpu,cpuacct:/group"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const fs::path group = line.substr(second + 1);
    const std::size_t found = controllers == ",,"                              ? smallest_quota(root, group, quota_v2)
                              : controllers.find(",cpu,") != std::string::npos ? smallest_quota(root / "cpu", group, quota_v1)
                                                                               : 0;
    if (found != 0) return found;
  }
  return 0;
}

std::size_t usable_cpus() {
  const std::size_t affinity = affinity_cpus();
  const std::size_t quota = cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
  return quota == 0 ? affinity : std::min(affinity, quota);
}

}  // namespace posekit::inline v0
