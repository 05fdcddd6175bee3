/// How many threads the program makes, and that results do not depend on it.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <optional>
#include <system_error>

#include "workplace.h"

using posekit_test::Workplace;
using Arguments = std::vector<std::string>;

namespace {

std::string photos() { return (posekit_test::source_dir() / "examples/images").string(); }

/// The calls that make a thread or a process, as strace writes them; none if strace can't be used here.
std::optional<std::string> threads_made(const Workplace& here, const Arguments& arguments) {
  Arguments command{"strace", "-f", "-qq", "-e", "trace=clone,clone3,fork,vfork", "-o", "trace.txt", posekit_test::program()};
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

TEST_CASE("With one thread of each kind the program makes no thread: detector, tiles and drawing included") {
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

TEST_CASE("Serial or with a pool, the same keypoints to the last digit") {
  const Workplace here;
  REQUIRE(here.run({"estimate", photos(), "-o", "serial", "--executor", "serial", "--torch-threads", "1"}).exit_code == 0);
  REQUIRE(here.run({"estimate", photos(), "-o", "pool", "--executor", "pool", "--threads", "3", "--torch-threads", "1"}).exit_code == 0);
  const auto files = here.files("serial");
  REQUIRE(files.size() == 3);
  for (const std::string& file : files) {
    CAPTURE(file);
    CHECK(here.json("serial/" + file)["instance_info"] == here.json("pool/" + file)["instance_info"]);
  }
}

TEST_CASE("The time for an image that is too short is told, and the next run has its chance") {
  const Workplace here;
  here.image("a.png");
  const auto late = here.estimate({"a.png", "--whole-image", "--timeout", "0.000000001"});
  CHECK(late.exit_code == 1);
  CHECK(here.files("posekit-out").empty());
  CHECK(here.estimate({"a.png", "--whole-image", "--timeout", "60"}).exit_code == 0);
}
