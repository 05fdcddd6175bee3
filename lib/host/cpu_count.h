/// What limits the CPUs of a process; usable_cpus and cpu_report, which build on it, are in posekit/runtime.h.
#pragma once

#include <cstddef>
#include <filesystem>

#include "posekit/runtime.h"

namespace posekit::inline v0 {

/// The quota of a process as cgroup files tell it, in CPUs rounded up; 0 if there is none.
/// @param proc_cgroup normally /proc/self/cgroup @param root normally /sys/fs/cgroup
[[nodiscard]] std::size_t cgroup_cpus(const std::filesystem::path& proc_cgroup, const std::filesystem::path& root);

/// Weighs what limits the CPUs. @param quota 0: none @param posekit_cpus of the environment, as the next; null or empty: not set
/// @throws Error invalid_argument if POSEKIT_CPUS is not a number from 1 to 65536
[[nodiscard]] CpuReport weigh_cpus(std::size_t affinity, std::size_t quota, const char* posekit_cpus, const char* omp_num_threads);

}  // namespace posekit::inline v0
