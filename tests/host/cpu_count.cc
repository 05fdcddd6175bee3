/// How many CPUs a process may use.
#include "host/cpu_count.h"

#include <sched.h>

#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "posekit/runtime.h"
#include "support/message_form.h"
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
  unsetenv("POSEKIT_CPUS");
  unsetenv("OMP_NUM_THREADS");
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
  CHECK(cpu_report().affinity == 1);
  REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
}

TEST_CASE("The smallest of affinity, quota and OMP_NUM_THREADS decides, unless POSEKIT_CPUS is set") {
  using enum CpuLimit;
  struct Case {
    std::size_t affinity, quota;
    const char *posekit_cpus, *omp_num_threads;
    std::size_t usable;
    CpuLimit decided_by;
  };
  const std::vector<Case> cases{
      {8, 0, nullptr, nullptr, 8, affinity},
      {8, 8, nullptr, "8", 8, affinity},
      {8, 4, nullptr, nullptr, 4, cgroup},
      {2, 4, nullptr, nullptr, 2, affinity},
      {8, 4, nullptr, "4", 4, cgroup},
      {8, 4, nullptr, "2", 2, omp_num_threads},
      {8, 0, nullptr, "3,2", 3, omp_num_threads},
      {8, 0, nullptr, "16", 8, affinity},
      {8, 0, nullptr, "", 8, affinity},
      {8, 0, nullptr, "0", 8, affinity},
      {8, 0, nullptr, "-1", 8, affinity},
      {8, 0, nullptr, "2x", 8, affinity},
      {8, 0, nullptr, "99999999999999999999", 8, affinity},
      {8, 4, "6", "2", 6, posekit_cpus},
      {2, 0, "16", nullptr, 16, posekit_cpus},
      {4, 0, "4", nullptr, 4, posekit_cpus},
      {4, 0, "", "2", 2, omp_num_threads},
  };
  for (const Case& one : cases) {
    CAPTURE(one.affinity, one.quota, one.posekit_cpus, one.omp_num_threads);
    const CpuReport report = weigh_cpus(one.affinity, one.quota, one.posekit_cpus, one.omp_num_threads);
    CHECK(report.usable == one.usable);
    CHECK(report.decided_by == one.decided_by);
    CHECK(report.affinity == one.affinity);
    CHECK(report.cgroup.value_or(0) == one.quota);
  }
  const CpuReport report = weigh_cpus(8, 0, "6", "2");
  CHECK(report.omp_num_threads == 2);
  CHECK(report.posekit_cpus == 6);
  CHECK_FALSE(report.cgroup);
  CHECK(to_string(omp_num_threads) == "omp_num_threads");
}

TEST_CASE("POSEKIT_CPUS that is no number of CPUs is an error") {
  for (const char* text : {"0", "-1", "two", "2 ", " 2", "2.5", "+2", "65537", "99999999999999999999"}) {
    const Error error = posekit_test::error_of([&] { (void)weigh_cpus(8, 0, text, nullptr); }, "POSEKIT_CPUS", text);
    CHECK(error.code() == ErrorCode::invalid_argument);
  }
  setenv("POSEKIT_CPUS", "many", 1);
  CHECK_THROWS_AS(usable_cpus(), Error);
  setenv("POSEKIT_CPUS", "7", 1);
  CHECK(usable_cpus() == 7);
  CHECK(cpu_report().decided_by == CpuLimit::posekit_cpus);
  unsetenv("POSEKIT_CPUS");
}

TEST_CASE("Where OMP_NUM_THREADS limits the CPUs, one note says so") {
  unsetenv("POSEKIT_CPUS");
  unsetenv("OMP_NUM_THREADS");
  if (usable_cpus() < 2) SKIP("one CPU can't be limited");
  std::vector<std::string> notes;
  set_log_callback([&](LogLevel, std::string_view text) { notes.emplace_back(text); });
  setenv("OMP_NUM_THREADS", "1", 1);
  CHECK(usable_cpus() == 1);
  CHECK(usable_cpus() == 1);
  set_log_callback({});
  REQUIRE(notes.size() == 1);
  CHECK(notes.front().find("OMP_NUM_THREADS limits posekit to 1 of ") == 0);
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
