/// Sessions on any backend, those too that run on the thread that calls them.
#include "backend/run_session.h"

#include <utility>
#include <vector>

#include "posekit/error.h"
#include "posekit/executor.h"

namespace posekit::inline v0 {
namespace {

/// A batch that waits for its run.
struct Slot {
  Staging crops;
  Staging mirrored;
  std::size_t count = 0;
  RunControl control;
};

class RunSession final : public BatchSession {
 public:
  RunSession(ModelBackend& backend, bool flip_test, std::size_t count) : backend_(backend), flip_test_(flip_test), slots_(count) {}

  std::size_t slot_count() const noexcept override { return slots_.size(); }

  std::byte* staging(std::size_t slot, std::size_t crops) override {
    slots_[slot].crops.reserve(crop_bytes(backend_.crop_format(), backend_.info().input.size()) * crops);
    return slots_[slot].crops.data();
  }

  void submit(std::size_t slot, std::size_t crops, const RunControl& control) override {
    control.check();
    slots_[slot].count = crops;
    slots_[slot].control = control;
  }

  BatchResult collect(std::size_t slot) override {
    Slot& batch = slots_[slot];
    const RunControl control = std::exchange(batch.control, {});
    BatchResult result;
    result.output = backend_.run({batch.crops.data(), batch.count}, control);
    if (flip_test_) {
      SerialExecutor serial;
      stage_mirrored(batch.crops, batch.count, backend_.info().input, backend_.crop_format(), serial, batch.mirrored);
      result.mirrored = backend_.run({batch.mirrored.data(), batch.count}, control);
    }
    return result;
  }

 private:
  ModelBackend& backend_;
  bool flip_test_;
  std::vector<Slot> slots_;
};

}  // namespace

void BatchSession::crop(std::size_t /*slot*/, std::size_t /*position*/, const CropTask& /*task*/) {
  throw Error(ErrorCode::invalid_argument, "the image lies on a device, the model does not run on that device alone: copy it to the host");
}

std::unique_ptr<BatchSession> open_session_on(ModelBackend& backend, const DecodeRequest& request, std::size_t slots) {
  if (backend.asynchronous()) return backend.open_session(request);
  return std::make_unique<RunSession>(backend, request.flip_test, slots);
}

}  // namespace posekit::inline v0
