/// Which control groups a process is in.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace posekit::inline v0 {

/// A process's place in one hierarchy of control groups.
struct ControlGroups {
  bool unified = false;                        ///< cgroup v2.
  std::vector<std::filesystem::path> folders;  ///< Of its own group first, of the hierarchy's root last.
};

/// The hierarchies that may limit a process, as cgroup files tell it.
/// @param controller v1's name of what is limited, for example "cpu"
/// @param proc_cgroup normally /proc/self/cgroup @param root normally /sys/fs/cgroup
[[nodiscard]] std::vector<ControlGroups> control_groups(const std::string& controller, const std::filesystem::path& proc_cgroup,
                                                        const std::filesystem::path& root);

}  // namespace posekit::inline v0
