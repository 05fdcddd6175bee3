/// A device that runs out of memory or is lost, in processes of their own; on the CPU and, in the program of the label gpu, on a CUDA
/// device. The CPU's batch fails where a device is lost.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "posekit/error.h"
#include "posekit/estimator.h"
#include "support/caller_device.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/two_ways.h"
#include "support/warnings_of.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::bytes_in_use;
using posekit_test::on_test_device;
using posekit_test::save_echo;
using posekit_test::test_device;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t person_bytes = 32 * mebibyte;

/// A network that takes 32 MiB for each person, and writes to little of it.
const std::string wants_memory =
    "y = torch.empty([x.size(0), 8, 1024, 1024], device=x.device)\n    return x[:, 0:2] + y[:, 0:2, 0:16, 0:16].zero_()";

/// A network that reads far outside of its input where a pixel is 255.
const std::string faulty =
    "k = (x.amax() > 0.999).long().reshape([1]) * 1000000000\n    return x[:, 0:2] + x.flatten().index_select(0, k) * 0.0";

/// Runs a hidden test of this program in a process of its own. All of it has to end well: its checks, its destructors, its exit.
void expect_child_to_end_well(const std::string& tag) {
  posekit_test::ProcessOptions options;
  options.environment["OMP_NUM_THREADS"] = "1";  // each thread would reserve memory for its own small blocks
  const auto child = posekit_test::run_process({std::filesystem::read_symlink("/proc/self/exe").string(), tag}, options);
  INFO(child.out << child.err);
  CHECK_FALSE(child.timed_out);
  CHECK(child.signal == 0);
  CHECK(child.exit_code == 0);
  CHECK(child.out.find("All tests passed") != std::string::npos);  // and there were some
}

/// So many people in one grey picture.
struct Crowd {
  Image image{std::vector<std::uint8_t>(std::size_t{64} * 64 * 3, 90), 64, 64, PixelFormat::rgb8};
  std::vector<Box> boxes;
  explicit Crowd(std::size_t people) : boxes(people, Box{8, 8, 56, 56}) {}
};

/// How a batch of one crop of this grey ends.
std::optional<Error> end_of_batch(BatchSession& session, std::uint8_t grey) {
  try {
    std::fill_n(session.staging(0, 1), 16 * 16 * 3, static_cast<std::byte>(grey));
    session.submit(0, 1, {});
    (void)session.collect(0);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("A batch that memory does not hold is halved, ten times, and all memory comes back", "[device][memory]") {
  POSEKIT_NEEDS_TEST_DEVICE();
#ifdef __SANITIZE_ADDRESS__
  SKIP("the sanitizer ends the process where there is no memory");
#endif
  expect_child_to_end_well("[.child-out-of-memory]");
}

TEST_CASE("Child: batches of 16 where memory holds 8", "[.child-out-of-memory]") {
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", wants_memory);
  const auto backend = on_test_device(dir.path() / "m.pt");
  const Crowd crowd(24);
  EstimatorOptions options;
  options.max_batch = 4;
  CHECK(PoseEstimator(Model(backend), options).estimate(crowd.image.view(), crowd.boxes).poses.size() == 24);  // once warm
  const std::size_t before = bytes_in_use(test_device());
  posekit_test::limit_memory_to(test_device(), 11 * person_bytes);
  options.max_batch = 16;
  for (int round = 0; round < 10; ++round) {
    CAPTURE(round);
    const PoseEstimator estimator(Model(backend), options);
    for (const std::size_t expected_warnings : {std::size_t{1}, std::size_t{0}}) {
      std::size_t poses = 0;
      const auto warnings = posekit_test::warnings_of([&] { poses = estimator.estimate(crowd.image.view(), crowd.boxes).poses.size(); });
      CHECK(poses == 24);
      REQUIRE(warnings.size() == expected_warnings);
      if (expected_warnings > 0) CHECK_THAT(warnings[0], ContainsSubstring("a batch of 16 does not fit") && ContainsSubstring("at most 8"));
    }
  }
  const std::size_t after = bytes_in_use(test_device());
  CAPTURE(before, after);
  if (test_device() == "cpu") {
    CHECK(after < before + 4 * person_bytes);  // of batches of 8 persons and more
  } else {
    CHECK(after == before);
  }
}

TEST_CASE("A fault inside a network ends its batches, and the process ends in peace", "[device][lost]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  expect_child_to_end_well("[.child-fault]");
}

TEST_CASE("Child: a network that reads far outside of its input", "[.child-fault]") {
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", faulty);
  save_echo(dir.path() / "other.pt", "return x[:, 0:2]");
  const auto backend = on_test_device(dir.path() / "m.pt");
  const auto other = on_test_device(dir.path() / "other.pt");
  const DecodeRequest request = make_decode_request(backend->info());
  auto session = backend->open_session(request);
  auto others = other->open_session(request);
  CHECK_FALSE(end_of_batch(*session, 100));
  CHECK_FALSE(end_of_batch(*others, 100));

  const std::optional<Error> fault = end_of_batch(*session, 255);
  REQUIRE(fault);
  const std::optional<Error> next = end_of_batch(*session, 100);
  const std::optional<Error> of_other = end_of_batch(*others, 100);
  if (test_device() == "cpu") {  // the batch fails alone
    CHECK(fault->code() == ErrorCode::invalid_model);
    CHECK_THAT(fault->what(), ContainsSubstring("out of range"));
    CHECK_FALSE(next);
    CHECK_FALSE(of_other);
  } else {
    for (const std::optional<Error>& error : {fault, next, of_other}) {
      REQUIRE(error);
      CHECK(error->code() == ErrorCode::device_unavailable);
      CHECK_THAT(error->what(), ContainsSubstring("device cuda:0 is lost") && ContainsSubstring("restart the process"));
    }
    CHECK_THAT(fault->what(), ContainsSubstring("device-side assert"));
    const Crowd crowd(3);
    try {
      (void)PoseEstimator(Model(other)).estimate(crowd.image.view(), crowd.boxes);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::device_unavailable);
    }
  }
  session.reset();  // frees memory and events of a device that is lost
}

#ifdef POSEKIT_TEST_ON_CUDA  // only there is memory that Torch's allocator does not see

TEST_CASE("Where others have taken the device's memory, a call in a new thread ends with an error, and later ones work",
          "[device][memory]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  expect_child_to_end_well("[.child-taken-memory]");
}

TEST_CASE("Child: a call in a new thread while the device's memory is taken", "[.child-taken-memory]") {
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2] + torch.matmul(x[:, 0:2], x[:, 0:2]) * 0.0");
  EstimatorOptions options;
  options.max_batch = 8;
  const PoseEstimator estimator(Model(on_test_device(dir.path() / "m.pt")), options);
  const Crowd crowd(24);
  const auto call = [&] {
    std::optional<Error> error;
    std::jthread([&] {
      try {
        CHECK(estimator.estimate(crowd.image.view(), crowd.boxes).poses.size() == 24);
      } catch (const Error& found) {
        error = found;
      }
    }).join();
    return error;
  };
  CHECK_FALSE(call());
  {
    const posekit_test::TakenDeviceMemory taken(4 * mebibyte);
    const std::optional<Error> error = call();
    if (error) {
      INFO(error->what());
      CHECK(error->code() == ErrorCode::out_of_memory);
    }
  }
  CHECK_FALSE(call());
}

#endif
