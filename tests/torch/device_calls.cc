/// What a device's session asks of CUDA: on which device it does so, what memory it takes, and that a lost device ends batches alone.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "loading/load_model.h"
#include "posekit/error.h"
#include "support/fake_cuda.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/torch_internals.h"

using namespace posekit;
using posekit_test::FakeCuda;
using posekit_test::open_device_session_of;

namespace {

constexpr int served_device = 1;
constexpr std::size_t crop_bytes_of_model = std::size_t{16} * 16 * 3;

/// A model whose heatmaps, [2,16,16], are the crop's red and green; every channel is read a second time.
std::shared_ptr<ModelBackend> echo(const posekit_test::TemporaryDir& dir) {
  const auto path = dir.path() / "m.pt";
  posekit_test::save_script_model(
      path, "def forward(self, x):\n    return x[:, 0:2] * 0.004\n",
      posekit_test::pose_metadata("udp_heatmap", 16, 16, 16, 16,
                                  R"({"name": "two", "keypoints": [{"name": "left", "swap": 1}, {"name": "right", "swap": 0}]})",
                                  R"("blur_kernel": 5)"));
  return load_model(path, {});
}

/// One batch, from staging to collect. @return the error that it ended with
std::optional<Error> end_of_batch(BatchSession& session, std::size_t slot, std::size_t crops) {
  try {
    std::fill_n(session.staging(slot, crops), crops * crop_bytes_of_model, std::byte{100});
    session.submit(slot, crops, {});
    (void)session.collect(slot);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

/// Batches of 1, 3 and 2 crops, so that memory grows once a slot is used again.
std::vector<std::optional<Error>> run_three_batches(BatchSession& session) {
  std::vector<std::optional<Error>> ends;
  for (const auto& [slot, crops] : {std::pair<std::size_t, std::size_t>{0, 1}, {0, 3}, {1, 2}})
    ends.push_back(end_of_batch(session, slot, crops));
  return ends;
}

}  // namespace

TEST_CASE("Events, streams and memory of a device are used with that device as the current one, from any thread") {
  const posekit_test::TemporaryDir dir;
  FakeCuda cuda;
  auto backend = echo(dir);
  cuda.serve(*backend, served_device);
  auto session = open_device_session_of(*backend, make_decode_request(backend->info()));
  std::jthread([&] { (void)run_three_batches(*session); }).join();
  (void)run_three_batches(*session);
  std::jthread([&] {
    session.reset();
    CHECK(FakeCuda::current_device() == 0);
  }).join();
  backend.reset();
  CHECK(FakeCuda::current_device() == 0);
  const FakeCuda::Notes notes = cuda.notes();
  CHECK(notes.calls > 50);
  CHECK(notes.on_another_device == 0);
  CHECK(notes.events == 0);
}

TEST_CASE("Page-locked memory is of exactly the size that batches need, made once, and freed with the session") {
  const posekit_test::TemporaryDir dir;
  FakeCuda cuda;
  const auto backend = echo(dir);
  cuda.serve(*backend, served_device);
  auto session = open_device_session_of(*backend, make_decode_request(backend->info()));
  CHECK_FALSE(end_of_batch(*session, 0, 4));
  const FakeCuda::Notes first = cuda.notes();
  CHECK(first.pinned_allocations == 3);  // crops, places of peaks, and the cells around them
  constexpr std::size_t peak_bytes = sizeof(std::int64_t) + std::size_t{7} * 7 * sizeof(float);
  CHECK(first.pinned_bytes == 4 * (crop_bytes_of_model + 2 * peak_bytes));
  for (const std::size_t crops : {std::size_t{4}, std::size_t{1}, std::size_t{3}}) CHECK_FALSE(end_of_batch(*session, 0, crops));
  CHECK(cuda.notes().pinned_allocations == 3);
  session.reset();
  CHECK(cuda.notes().pinned_bytes == 0);
}

TEST_CASE("A device that is lost at any call ends its batches with device_unavailable, and nothing else") {
  const posekit_test::TemporaryDir dir;
  std::size_t calls = 0;
  {
    FakeCuda cuda;
    const auto backend = echo(dir);
    cuda.serve(*backend, served_device);
    const auto session = open_device_session_of(*backend, make_decode_request(backend->info()));
    for (const auto& error : run_three_batches(*session)) CHECK_FALSE(error);
    calls = cuda.notes().calls;
  }
  REQUIRE(calls > 20);
  for (std::size_t lost_at = 0; lost_at < calls; ++lost_at) {
    CAPTURE(lost_at);
    FakeCuda cuda;
    auto backend = echo(dir);
    cuda.serve(*backend, served_device);
    cuda.fail_from(lost_at);
    auto session = open_device_session_of(*backend, make_decode_request(backend->info()));
    const auto ends = run_three_batches(*session);
    CHECK(ends.back());  // the last batch meets the loss, at its last call at the latest
    for (const auto& error : ends) {
      if (error) CHECK(error->code() == ErrorCode::device_unavailable);
    }
    session.reset();  // frees memory and events of a device that is lost
    backend.reset();
    CHECK(FakeCuda::current_device() == 0);
  }
}
