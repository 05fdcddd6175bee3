/// Programs that end while models run: their exit code is what was asked for.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>

#include "faults/rounds.h"
#include "support/paths.h"
#include "support/process.h"

namespace {

/// Expects a program to end with this code, many times in a row.
void check_exit_code(const char* program, const std::string& way, int expected) {
  const std::string model = (posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt").string();
  for (int round = 0; round < posekit_test::rounds(3, 50); ++round) {
    const auto ended = posekit_test::run_process({program, model, way});
    INFO(way << ", round " << round << ": signal " << ended.signal << "\n" << ended.err);
    REQUIRE_FALSE(ended.timed_out);
    REQUIRE(ended.exit_code == expected);
    REQUIRE(ended.err.empty());
  }
}

}  // namespace

#ifdef POSEKIT_C_EXIT
TEST_CASE("A C program ends with its exit code though main returns while frames or calls are under way") {
  check_exit_code(POSEKIT_C_EXIT, GENERATE("return", "replicas", "estimate"), 0);
}

TEST_CASE("A C program ends with its exit code though a thread, the sink or the executor calls exit") {
  check_exit_code(POSEKIT_C_EXIT, GENERATE("exit", "estimate exit", "sink", "executor"), 3);
}
#endif

TEST_CASE("A program ends with its exit code though one of posekit's callbacks or threads calls exit") {
  check_exit_code(POSEKIT_EXIT_WAYS, GENERATE("sink", "source", "executor", "pool task", "log", "signal"), 3);
}

TEST_CASE("Global objects, and threads that are joined when these are destroyed, don't disturb the end of a process") {
  check_exit_code(POSEKIT_EXIT_WAYS, GENERATE("global objects", "global thread"), 0);
}

TEST_CASE("What work under way has made is destroyed after it when main returns") {
  for (int round = 0; round < posekit_test::rounds(2, 50); ++round)
    REQUIRE(posekit_test::run_process({POSEKIT_LATE_OBJECT}).exit_code == 0);
}

TEST_CASE("A program may call exit while another thread loads a model") { check_exit_code(POSEKIT_EXIT_WAYS, "load", 3); }
