/// Which control groups a process is in.
#include "host/control_groups.h"

#include <fstream>

namespace posekit::inline v0 {

namespace fs = std::filesystem;

std::vector<ControlGroups> control_groups(const std::string& controller, const fs::path& proc_cgroup, const fs::path& root) {
  std::vector<ControlGroups> all;
  std::ifstream file(proc_cgroup);
  for (std::string line; std::getline(file, line);) {  // "0::/group" or "4:cpu,cpuacct:/group"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(',' + controller + ',') == std::string::npos) continue;
    ControlGroups groups{.unified = unified, .folders = {}};
    for (fs::path group = line.substr(second + 1);; group = group.parent_path()) {
      groups.folders.push_back((unified ? root : root / controller) / group.relative_path());
      if (group.empty() || group == "/") break;
    }
    all.push_back(std::move(groups));
  }
  return all;
}

}  // namespace posekit::inline v0
