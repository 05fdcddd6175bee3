/// How many CPUs this process may use.
#include "host/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "host/control_groups.h"
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

}  // namespace

std::size_t cgroup_cpus(const fs::path& proc_cgroup, const fs::path& root) {
  for (const ControlGroups& groups : control_groups("cpu", proc_cgroup, root)) {
    std::size_t smallest = 0;
    for (const fs::path& folder : groups.folders) {
      const std::size_t quota = groups.unified ? quota_v2(folder) : quota_v1(folder);
      if (quota != 0) smallest = smallest == 0 ? quota : std::min(smallest, quota);
    }
    if (smallest != 0) return smallest;
  }
  return 0;
}

std::size_t usable_cpus() {
  const std::size_t affinity = affinity_cpus();
  const std::size_t quota = cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
  return quota == 0 ? affinity : std::min(affinity, quota);
}

}  // namespace posekit::inline v0
