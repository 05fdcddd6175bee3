/// What a model takes of its device's memory.
#include "loading/measure_memory.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace posekit::inline v0 {
namespace {

/// Fills every slot of a session before it waits for the first, as estimators and detectors do.
void run_batches(ModelBackend& backend, std::size_t crops) {
  const bool is_pose = backend.info().task() == Task::pose;
  const auto session = backend.open_session(is_pose ? make_decode_request(backend.info()) : DecodeRequest{});
  const std::size_t slots = session->slot_count();
  for (std::size_t slot = 0; slot < slots; ++slot) {
    std::memset(session->staging(slot, crops), 0, crops * crop_bytes(backend.crop_format(), backend.info().input.size()));
    session->submit(slot, crops, {});
  }
  for (std::size_t slot = 0; slot < slots; ++slot) (void)session->collect(slot);
}

/// Bytes that a batch takes at its peak, but for the crops in posekit's own memory.
std::uint64_t peak_of_batch(ModelBackend& backend, std::size_t crops, MemoryMeter& meter) {
  const auto run = [&] { run_batches(backend, crops); };
  run();  // the first time, Torch looks for the best way, which takes memory too
  return meter.peak_of(run);
}

}  // namespace

MemoryReport measure_memory(ModelBackend& model) {
  ModelBackend& backend = model.on_callers_threads();
  const std::unique_ptr<MemoryMeter> meter = backend.memory();
  MemoryReport report{.device = backend.devices().front(),
                      .weights = meter->weights(),
                      .batch = 0,
                      .person = 0,
                      .available = meter->available(),
                      .largest_batch = {}};
  const std::uint64_t one = peak_of_batch(backend, 1, *meter);
  if (backend.max_batch() > 1) {
    const std::uint64_t two = peak_of_batch(backend, 2, *meter);
    report.person = two - std::min(one, two);
  } else {
    report.person = one;
  }
  report.batch = one - std::min(report.person, one);
  // On the host, crops are in posekit's own memory.
  if (backend.on_cpu()) report.person += crop_bytes(backend.crop_format(), backend.info().input.size());
  if (report.available && report.person > 0) {
    const std::uint64_t fits = (*report.available - std::min(report.batch, *report.available)) / report.person;
    report.largest_batch = std::min<std::size_t>(fits, backend.max_batch());
  }
  return report;
}

}  // namespace posekit::inline v0
