/// Runs batches of one and two to tell what a model takes of its device's memory.
#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "backend/memory_meter.h"
#include "backend/run_session.h"
#include "codec/decode.h"

namespace posekit::inline v0 {
namespace {

/// Fills every slot of a session before it waits for the first, as PoseEstimator does.
void run_by_session(ModelBackend& backend, std::size_t crops) {
  std::vector<std::size_t> channels(backend.info().keypoints.size());
  std::iota(channels.begin(), channels.end(), std::size_t{0});
  const auto session = open_session_on(backend, Decoder(backend.info(), channels).request(/*flip_test=*/false));
  const std::size_t slots = session->slot_count();
  for (std::size_t slot = 0; slot < slots; ++slot) {
    std::memset(session->staging(slot, crops), 0, crops * crop_bytes(backend.crop_format(), backend.info().input.size()));
    session->submit(slot, crops, {});
  }
  for (std::size_t slot = 0; slot < slots; ++slot) (void)session->collect(slot);
}

/// As PersonDetector does.
void run_once(ModelBackend& backend, std::size_t crops) {
  const std::vector<std::byte> memory(crops * crop_bytes(backend.crop_format(), backend.info().input.size()));
  (void)backend.run({memory.data(), crops}, {});
}

/// Bytes that a batch takes at its peak, but for the crops in posekit's own memory.
std::uint64_t peak_of_batch(ModelBackend& backend, std::size_t crops, MemoryMeter& meter) {
  const auto run = [&] { backend.info().task == Task::pose ? run_by_session(backend, crops) : run_once(backend, crops); };
  run();  // the first time, Torch looks for the best way, which takes memory too
  return meter.peak_of(run);
}

}  // namespace

MemoryReport measure_memory(const std::filesystem::path& path, const ModelOptions& options) {
  MemoryMeter meter(options.device);
  const std::shared_ptr<ModelBackend> backend = load_torchscript(path, options);
  MemoryReport report{.device = backend->device(), .weights = meter.held(), .available = meter.available(), .largest_batch = {}};

  const std::uint64_t one = peak_of_batch(*backend, 1, meter);
  const std::uint64_t two = peak_of_batch(*backend, 2, meter);
  report.person = two - std::min(one, two);
  report.batch = one - std::min(report.person, one);
  // On the host, crops lie in posekit's own memory.
  if (!backend->asynchronous()) report.person += crop_bytes(backend->crop_format(), backend->info().input.size());
  if (report.available && report.person > 0) {
    report.largest_batch = (*report.available - std::min(report.batch, *report.available)) / report.person;
  }
  return report;
}

}  // namespace posekit::inline v0
