/// How many threads the program makes, and that results do not depend on it.
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

#include "support/model_builder.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using posekit_test::Workplace;
using Arguments = std::vector<std::string>;

namespace {

/// A cgroup (v1 or v2) that may use one CPU, removed with the object.
class CpuQuota {
 public:
  CpuQuota() {
    make("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "100000");
    if (!made_) make("/sys/fs/cgroup", "cpu.max", "100000 100000");
  }
  CpuQuota(const CpuQuota&) = delete;
  CpuQuota& operator=(const CpuQuota&) = delete;
  ~CpuQuota() { remove(); }

  bool made() const { return made_; }
  /// Where a process writes its id to join.
  std::string procs() const { return (folder_ / "cgroup.procs").string(); }

 private:
  void make(const std::filesystem::path& root, const char* file, const std::string& quota) {
    std::error_code error;
    folder_ = root / ("posekit-test-" + std::to_string(getpid()));
    if (!std::filesystem::exists(root / "cgroup.procs", error) || !std::filesystem::create_directory(folder_, error)) return;
    std::ofstream(folder_ / file) << quota << std::flush;
    std::string written;
    std::ifstream read_back(folder_ / file);
    std::getline(read_back, written);
    made_ = written == quota;
    if (!made_) remove();
  }

  void remove() const { rmdir(folder_.c_str()); }

  std::filesystem::path folder_;
  bool made_ = false;
};

std::string photos() { return (posekit_test::source_dir() / "examples/images").string(); }

/// The calls that make a thread or a process, as strace writes them; none if strace can't be used here.
/// @param before runs it all, for example {"nice"}
std::optional<std::string> threads_made(const Workplace& here, const Arguments& arguments, const Arguments& before = {}) {
  Arguments command(before);
  command.insert(command.end(), {"strace", "-f", "-qq", "-e", "trace=clone,clone3,fork,vfork", "-o", "trace.txt", posekit_test::program()});
  command.insert(command.end(), arguments.begin(), arguments.end());
  posekit_test::ProcessOptions options;
  options.directory = here.folder();
  try {
    const auto result = run_process(command, options);
    CAPTURE(result.err);
    if (result.exit_code != 0 && result.err.find("ptrace") != std::string::npos) return std::nullopt;
    CHECK(result.exit_code == 0);
  } catch (const std::system_error&) {
    return std::nullopt;
  }
  return here.read("trace.txt");
}

}  // namespace

TEST_CASE("The program starts no thread with one thread of each kind, detector, tiles and drawing included") {
  const Workplace here;
  const auto none =
      threads_made(here, {"estimate", photos(), "--draw", "--tiles=0.5", "--torch-threads", "1", "--threads", "1", "--overwrite"});
  if (!none) SKIP("strace is not here, or may not be used");
  CHECK(none->empty());
  CHECK(here.files("posekit-out").size() == 6);
  // The other way round, so that an empty list means something.
  const auto some = threads_made(here, {"estimate", photos(), "--torch-threads", "1", "--threads", "3", "--overwrite"});
  CHECK_FALSE(some->empty());
}

TEST_CASE("The JSON is the same to the last byte, timings apart, serially, with any pool and in any batches") {
  const Workplace here;
  const auto results = [&](const std::string& out, Arguments executor) {
    Arguments arguments{"estimate", photos(), "-o", out, "--torch-threads", "1", "--executor"};
    arguments.insert(arguments.end(), executor.begin(), executor.end());
    REQUIRE(here.run(arguments).exit_code == 0);
    std::vector<std::string> documents;
    for (const std::string& file : here.files(out)) {
      auto document = here.json(out + "/" + file);
      REQUIRE(document.erase("timings_ms") == 1);
      documents.push_back(file + document.dump());
    }
    return documents;
  };
  const auto expected = results("serial", {"serial"});
  REQUIRE(expected.size() == 3);
  for (const char* threads : {"1", "2", "8"}) {
    CAPTURE(threads);
    CHECK(results(std::string("pool-") + threads, {"pool", "--threads", threads}) == expected);
  }
  CHECK(results("batches", {"pool", "--threads", "2", "--batch", "8"}) == expected);
}

TEST_CASE("The program starts no thread under a quota of one CPU, unless asked to") {
  const CpuQuota quota;
  if (!quota.made()) SKIP("no cgroup with a CPU quota can be made here");
  const Workplace here;
  // The environment's number counts before the quota, so it has to go.
  const Arguments command{"sh", "-c", "unset OMP_NUM_THREADS MKL_NUM_THREADS POSEKIT_CPUS && echo $$ > \"$1\" && shift && exec \"$@\"",
                          "sh", quota.procs()};
  const std::string photo = photos() + "/astronaut.jpg";
  const auto none = threads_made(here, {"estimate", photo}, command);
  if (!none) SKIP("strace is not here, or may not be used");
  CHECK(none->empty());
  const auto some = threads_made(here, {"estimate", photo, "--overwrite", "--threads", "2"}, command);
  CHECK_FALSE(some->empty());
}

TEST_CASE("The program follows POSEKIT_CPUS, and OMP_NUM_THREADS without it") {
  const Workplace here;
  const Arguments photo{"estimate", photos() + "/astronaut.jpg", "--overwrite"};
  const auto made = [&](Arguments variables) {
    variables.insert(variables.begin(), {"env", "-u", "OMP_NUM_THREADS", "-u", "POSEKIT_CPUS"});
    return threads_made(here, photo, variables);
  };
  const auto none = made({"OMP_NUM_THREADS=1"});
  if (!none) SKIP("strace is not here, or may not be used");
  CHECK(none->empty());
  CHECK_FALSE(made({"OMP_NUM_THREADS=1", "POSEKIT_CPUS=2"})->empty());
  posekit_test::ProcessOptions options;
  options.environment = {{"POSEKIT_CPUS", "many"}};
  const auto wrong = here.run({"estimate", photos() + "/astronaut.jpg"}, options);
  CHECK(wrong.exit_code == 1);
  posekit_test::check_error(wrong.err, "POSEKIT_CPUS", "many");
}

TEST_CASE("Notes about a model are printed, except with --quiet") {
  const Workplace here;
  here.image("a.png");
  here.text("own.json", posekit_test::pose_metadata("regression", 32, 32, 0, 0, posekit_test::two_keypoints, "", R"("box_paddding": 1)"));
  const auto noted = here.estimate({"a.png", "--whole-image", "--metadata", "own.json"});
  CHECK(noted.exit_code == 0);
  CHECK_THAT(noted.err, ContainsSubstring("posekit: note:") && ContainsSubstring("box_paddding"));
  CHECK(here.estimate({"a.png", "--whole-image", "--metadata", "own.json", "--overwrite", "--quiet"}).err.empty());
}

TEST_CASE("An image that exceeds its time is reported, and the next run processes it") {
  const Workplace here;
  here.image("a.png");
  const auto late = here.estimate({"a.png", "--whole-image", "--timeout", "0.000000001"});
  CHECK(late.exit_code == 1);
  CHECK(here.files("posekit-out").empty());
  CHECK(here.estimate({"a.png", "--whole-image", "--timeout", "60"}).exit_code == 0);
}
