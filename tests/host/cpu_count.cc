/// How many CPUs a process may use.
#include "host/cpu_count.h"

#include <sched.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "posekit/runtime.h"
#include "support/paths.h"

using namespace posekit;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("usable_cpus follows the CPU affinity of the process") {
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  CHECK(usable_cpus() >= 1);
  CHECK(usable_cpus() <= static_cast<std::size_t>(CPU_COUNT(&before)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &one);
      break;
    }
  }
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(usable_cpus() == 1);
  REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
}

TEST_CASE("cgroup_cpus gives the smallest v2 quota from the group up to the root, rounded up") {
  const posekit_test::TemporaryDir dir;
  write(dir.path() / "cgroup", "0::/outer/inner\n");
  write(dir.path() / "fs/outer/inner/cpu.max", "max 100000\n");
  write(dir.path() / "fs/outer/cpu.max", "250000 100000\n");
  write(dir.path() / "fs/cpu.max", "800000 100000\n");
  CHECK(cgroup_cpus(dir.path() / "cgroup", dir.path() / "fs") == 3);
}

TEST_CASE("cgroup_cpus reads v1 quotas, where -1 means none") {
  const posekit_test::TemporaryDir dir;
  write(dir.path() / "cgroup", "5:memory:/group\n4:cpu,cpuacct:/group\n");
  write(dir.path() / "fs/cpu/group/cpu.cfs_quota_us", "150000\n");
  write(dir.path() / "fs/cpu/group/cpu.cfs_period_us", "100000\n");
  CHECK(cgroup_cpus(dir.path() / "cgroup", dir.path() / "fs") == 2);
  write(dir.path() / "fs/cpu/group/cpu.cfs_quota_us", "-1\n");
  CHECK(cgroup_cpus(dir.path() / "cgroup", dir.path() / "fs") == 0);
}

TEST_CASE("cgroup_cpus ignores files that are missing or hold nonsense") {
  const posekit_test::TemporaryDir dir;
  CHECK(cgroup_cpus(dir.path() / "cgroup", dir.path() / "fs") == 0);
  write(dir.path() / "cgroup", "::::\nabc\n0::/../..\n0::/x\n");
  write(dir.path() / "fs/x/cpu.max", "lots\n");
  CHECK(cgroup_cpus(dir.path() / "cgroup", dir.path() / "fs") == 0);
}
