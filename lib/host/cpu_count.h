/// The CPU quota of a process's cgroup; usable_cpus, which builds on it, is in posekit/runtime.h.
#pragma once

#include <cstddef>
#include <filesystem>

namespace posekit::inline v0 {

/// The quota of a process as cgroup files tell it, in CPUs rounded up; 0 if there is none.
/// @param proc_cgroup normally /proc/self/cgroup @param root normally /sys/fs/cgroup
[[nodiscard]] std::size_t cgroup_cpus(const std::filesystem::path& proc_cgroup, const std::filesystem::path& root);

}  // namespace posekit::inline v0
