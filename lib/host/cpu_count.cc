/// How many CPUs this process may use.
#include "host/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "host/control_groups.h"
#include "posekit/error.h"

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

/// The number at the beginning of a text, and what follows it; none if it is not from 1 to the most CPUs.
std::optional<std::size_t> cpus_in(std::string_view text, std::string_view& rest) {
  std::size_t cpus = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpus);
  rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc() || cpus < 1 || cpus > most_cpus) return std::nullopt;
  return cpus;
}

std::optional<std::size_t> own_cpus(const char* variable) {
  if (variable == nullptr || *variable == '\0') return std::nullopt;
  std::string_view rest;
  const auto cpus = cpus_in(variable, rest);
  if (!cpus || !rest.empty()) {
    throw Error(ErrorCode::invalid_argument, "POSEKIT_CPUS is \"" + std::string(variable) + "\", a number from 1 to " +
                                                 std::to_string(most_cpus) + " is expected: set it to one, or unset it");
  }
  return cpus;
}

/// OpenMP takes a list, one number for each level of nested teams, and ignores what is no number.
std::optional<std::size_t> openmp_cpus(const char* variable) {
  if (variable == nullptr) return std::nullopt;
  std::string_view rest;
  const auto cpus = cpus_in(variable, rest);
  return rest.empty() || rest.front() == ',' ? cpus : std::nullopt;
}

/// Once: a limit that was set for other libraries may come as a surprise.
void note_openmp_limit(const CpuReport& report) {
  static std::atomic<bool> noted = false;
  if (report.decided_by != CpuLimit::omp_num_threads || noted.exchange(true)) return;
  log(LogLevel::info, "OMP_NUM_THREADS limits posekit to " + std::to_string(report.usable) + " of " +
                          std::to_string(std::min(report.affinity, report.cgroup.value_or(report.affinity))) +
                          " CPUs: set POSEKIT_CPUS for another number");
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

CpuReport weigh_cpus(std::size_t affinity, std::size_t quota, const char* posekit_cpus, const char* omp_num_threads) {
  CpuReport report;
  report.usable = report.affinity = affinity;
  report.omp_num_threads = openmp_cpus(omp_num_threads);
  report.posekit_cpus = own_cpus(posekit_cpus);
  if (quota > 0) report.cgroup = quota;
  const auto limit = [&report](std::optional<std::size_t> cpus, CpuLimit by) {
    if (!cpus || *cpus >= report.usable) return;
    report.usable = *cpus;
    report.decided_by = by;
  };
  limit(report.cgroup, CpuLimit::cgroup);
  limit(report.omp_num_threads, CpuLimit::omp_num_threads);
  if (report.posekit_cpus) {
    report.usable = *report.posekit_cpus;
    report.decided_by = CpuLimit::posekit_cpus;
  }
  return report;
}

CpuReport cpu_report() {
  const CpuReport report = weigh_cpus(affinity_cpus(), cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup"), std::getenv("POSEKIT_CPUS"),
                                      std::getenv("OMP_NUM_THREADS"));
  note_openmp_limit(report);
  return report;
}

std::size_t usable_cpus() { return cpu_report().usable; }

std::string_view to_string(CpuLimit value) noexcept {
  switch (value) {
    case CpuLimit::affinity: return "affinity";
    case CpuLimit::cgroup: return "cgroup";
    case CpuLimit::omp_num_threads: return "omp_num_threads";
    case CpuLimit::posekit_cpus: return "posekit_cpus";
  }
  return "unknown";
}

}  // namespace posekit::inline v0
