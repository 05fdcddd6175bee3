/// How much memory a process may still take.
#include "host/host_memory.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "support/paths.h"

using namespace posekit;
namespace fs = std::filesystem;

namespace {

/// A stand-in for /proc and /sys/fs/cgroup.
class Machine {
 public:
  void write(const fs::path& path, const std::string& text) const {
    fs::create_directories((dir_.path() / path).parent_path());
    std::ofstream(dir_.path() / path) << text;
  }
  std::optional<std::uint64_t> available() const { return available_host_memory(dir_.path() / "proc", dir_.path() / "cgroup"); }

 private:
  posekit_test::TemporaryDir dir_;
};

}  // namespace

TEST_CASE("Available memory is the system's where there are no control groups") {
  const Machine machine;
  machine.write("proc/meminfo", "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    9000 kB\n");
  CHECK(machine.available() == 9000 * 1024);
}

TEST_CASE("The narrowest control group limits available memory, reclaimable file caches not counted") {
  const Machine machine;
  machine.write("proc/meminfo", "MemAvailable:    9000 kB\n");
  machine.write("proc/self/cgroup", "0::/outer/inner\n");
  machine.write("cgroup/outer/inner/memory.max", "max\n");
  machine.write("cgroup/outer/inner/memory.current", "100\n");
  machine.write("cgroup/outer/memory.max", "5000000\n");
  machine.write("cgroup/outer/memory.current", "3000000\n");
  CHECK(machine.available() == 2000000);
  machine.write("cgroup/outer/memory.stat", "anon 7\ninactive_file 500000\nactive_file 9\n");
  CHECK(machine.available() == 2500000);
  machine.write("cgroup/outer/memory.current", "6000000\n");
  CHECK(machine.available() == 0);
}

TEST_CASE("Control groups of version 1 are read too") {
  const Machine machine;
  machine.write("proc/meminfo", "MemAvailable:    9000 kB\n");
  machine.write("proc/self/cgroup", "4:cpu,cpuacct:/group\n5:memory:/group\n");
  machine.write("cgroup/memory/group/memory.limit_in_bytes", "4000000\n");
  machine.write("cgroup/memory/group/memory.usage_in_bytes", "1500000\n");
  machine.write("cgroup/memory/group/memory.stat", "inactive_file 1\ntotal_inactive_file 200000\n");
  machine.write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  machine.write("cgroup/memory/memory.usage_in_bytes", "1500000\n");
  CHECK(machine.available() == 2700000);
}

TEST_CASE("Files that are missing or hold nonsense give no limit") {
  const Machine machine;
  CHECK(!machine.available());
  machine.write("proc/meminfo", "MemAvailable: lots\n");
  machine.write("proc/self/cgroup", "::::\n0::/x\n");
  machine.write("cgroup/x/memory.max", "many\n");
  CHECK(!machine.available());
}

TEST_CASE("Some memory is available on this machine") { CHECK(available_host_memory().value_or(0) > 1 << 20); }
