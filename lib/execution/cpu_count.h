/// How many CPUs this process may use.
#pragma once

#include <cstddef>
#include <filesystem>

namespace posekit::inline v0 {

/// The smaller of the CPU affinity and the cgroup's quota (v1 or v2, rounded up), at least 1.
[[nodiscard]] std::size_t usable_cpus();

/// The quota of a process as cgroup files tell it, in CPUs rounded up; 0 if there is none.
/// @param proc_cgroup normally /proc/self/cgroup @param root normally /sys/fs/cgroup
[[nodiscard]] std::size_t cgroup_cpus(const std::filesystem::path& proc_cgroup, const std::filesystem::path& root);

}  // namespace posekit::inline v0
