/// How much memory a process may still take.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// Bytes of host memory that can still be had without swapping: the least of what the system has to give and what each control group
/// leaves, file caches that can go not counted as taken. Nothing if nobody tells.
/// @param proc normally /proc @param cgroup_root normally /sys/fs/cgroup
[[nodiscard]] POSEKIT_API std::optional<std::uint64_t> available_host_memory(const std::filesystem::path& proc = "/proc",
                                                                             const std::filesystem::path& cgroup_root = "/sys/fs/cgroup");

}  // namespace posekit::inline v0
