/// A session on a device: batches that are uploaded, computed and reduced beside the caller's thread.
///
/// In order, for one batch: crops of images on the device and the upload of the others on the copy stream, an event; on the compute stream,
/// held back by it: normalisation, forward, reduction, download of the peaks, an event that `collect` waits for. The host waits for
/// nothing in between.
#include "torch/device_session.h"

#include <ATen/ops/empty.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "codec/flip.h"
#include "torch/crop.h"
#include "torch/peaks.h"
#include "torch/runtime.h"

namespace posekit::inline v0 {
namespace {

/// Memory of one slot. It is made where it is too small and kept.
struct Slot {
  at::Tensor staging;            ///< uint8 crops on the host.
  at::Tensor crops;              ///< The same on the device.
  at::Tensor tables;             ///< Of crops that are cut on the device, on the host, one row each.
  at::Tensor heatmaps;           ///< Of the batch under way, kept until it is known that no channel has to be read whole.
  std::vector<at::Tensor> host;  ///< What comes back.
  std::vector<PeakRecord> peaks;
  DecodeScratch scratch;
  std::vector<bool> cropped;  ///< For each crop: it was cut out on the device, and `staging` has nothing for it.
  DeviceEvent image_ready;    ///< On the caller's stream.
  DeviceEvent uploaded;
  std::shared_ptr<DeviceEvent> done = std::make_shared<DeviceEvent>();
  bool under_way = false;  ///< Submitted, not collected.
  std::size_t crop_count = 0;
  std::size_t outputs = 0;  ///< Tensors of `host` that are the plain output's; those of the mirror images follow.
};

/// Runs work that uses the device. @throws Error device_unavailable if the device is lost, else as in_torch
template <class Work>
auto on_device(const Replica& replica, const std::string& what, ErrorCode fallback, Work&& work) -> decltype(work()) {
  try {
    return in_torch(what, fallback, work);
  } catch (const Error& error) {
    if (!replica.streams.lost()) throw;
    throw Error(ErrorCode::device_unavailable,
                "device " + replica.network.device().str() + " is lost (" + error.what() + "): restart the process to use it again");
  }
}

class DeviceSession final : public BatchSession {
 public:
  DeviceSession(Replica& replica, const DecodeRequest& request)
      : replica_(replica),
        request_(request),
        crop_bytes_(static_cast<std::int64_t>(crop_bytes(CropFormat::uint8_hwc, info().input.size()))) {
    if (std::holds_alternative<HeatmapOutput>(info().output) && !request.channels.empty()) {
      reduction_.emplace(info(), request, replica.network.device());
    }
  }
  ~DeviceSession() override {
    for (Slot& slot : slots_) wait_until_done(slot);
  }

  std::byte* staging(std::size_t slot, std::size_t crops) override;
  void crop(std::size_t slot, std::size_t position, const CropTask& task) override;
  void submit(std::size_t slot, std::size_t crops, const RunControl& control) override;
  BatchResult collect(std::size_t slot) override;

 private:
  const ModelInfo& info() const noexcept { return replica_.network.info(); }
  void wait_for_room(const Slot& slot);
  void wait_until_done(Slot& slot) noexcept;
  void drain_after_error(Slot& slot) noexcept;
  void wait_for_image_reads(Slot& slot) noexcept;
  void make_room(Slot& slot);
  at::Tensor table_for(Slot& slot, std::size_t position);
  void enqueue(Slot& slot);
  void upload(Slot& slot);
  void download(const at::Tensor& from, std::size_t position, Slot& slot);
  BatchResult read(Slot& slot, const at::Tensor& heatmaps);

  Replica& replica_;
  DecodeRequest request_;
  std::int64_t crop_bytes_;
  std::optional<PeakReduction> reduction_;  ///< Where heatmaps' channels are wanted.
  std::array<Slot, slots> slots_;
};

std::byte* DeviceSession::staging(std::size_t slot, std::size_t crops) {
  at::Tensor& memory = slots_[slot].staging;
  slots_[slot].cropped.assign(crops, false);
  const std::int64_t bytes = crop_bytes_ * static_cast<std::int64_t>(crops);
  if (!memory.defined() || memory.numel() < bytes) {
    on_device(replica_, "memory for " + std::to_string(crops) + " crops", ErrorCode::out_of_memory,
              [&] { memory = replica_.streams.host_tensor({bytes}, at::kByte); });
  }
  return static_cast<std::byte*>(memory.mutable_data_ptr());
}

void DeviceSession::crop(std::size_t slot, std::size_t position, const CropTask& task) {
  Slot& batch = slots_[slot];
  const c10::Device device = replica_.network.device();
  try {
    on_device(replica_, "an image that is said to be on " + device.str() + " can't be cropped there", ErrorCode::invalid_argument, [&] {
      const StreamGuard guard(replica_.streams, StreamRole::copy);
      const at::Tensor pixels = borrowed_image(task.image, device);
      batch.image_ready.record_on(replica_.streams, task.image.cuda_stream);
      batch.image_ready.make_stream_wait(replica_.streams, StreamRole::copy);
      make_room(batch);
      batch.cropped[position] = true;
      const at::Tensor out = batch.crops.narrow(0, static_cast<std::int64_t>(position) * crop_bytes_, crop_bytes_);
      crop_into(pixels, task, table_for(batch, position), out.view({task.plan.size.height, task.plan.size.width, 3}));
    });
  } catch (...) {
    wait_for_image_reads(batch);
    throw;
  }
}

/// Before the batch is submitted: waits until the device no longer reads the callers' images.
void DeviceSession::wait_for_image_reads(Slot& slot) noexcept {
  if (std::ranges::find(slot.cropped, true) == slot.cropped.end()) return;
  try {
    slot.uploaded.record(replica_.streams, StreamRole::copy);
    slot.uploaded.wait();
  } catch (...) {  // a broken device uses nothing any more
  }
}

void DeviceSession::submit(std::size_t slot, std::size_t crops, const RunControl& control) {
  Slot& batch = slots_[slot];
  batch.crop_count = crops;
  std::optional<FifoLock> lock;
  try {
    control.check();
    lock.emplace(replica_.order, control);
  } catch (...) {
    wait_for_image_reads(batch);
    throw;
  }
  try {
    on_device(replica_, replica_.network.failure(), ErrorCode::invalid_model, [&] {
      wait_for_room(batch);
      enqueue(batch);
    });
    batch.under_way = true;
  } catch (...) {
    drain_after_error(batch);
    throw;
  }
}

/// Waits until the stream has room for another batch. Only the device ends this wait, not the batches' callers.
void DeviceSession::wait_for_room(const Slot& slot) {
  auto& under_way = replica_.under_way;
  std::erase(under_way, slot.done);  // of the slot's last batch, which is finished
  while (under_way.size() >= slots) {
    const std::shared_ptr<DeviceEvent> oldest = std::move(under_way.front());
    under_way.pop_front();
    oldest->wait();
  }
}

/// Waits until the slot's batch has left the device, however it ended.
void DeviceSession::wait_until_done(Slot& slot) noexcept {
  if (!slot.under_way) return;
  try {
    slot.done->wait();
  } catch (...) {  // a broken device uses nothing any more
  }
}

/// After a failure half-way: waits until the device no longer uses the slot's memory.
void DeviceSession::drain_after_error(Slot& slot) noexcept {
  try {
    slot.uploaded.record(replica_.streams, StreamRole::copy);
    slot.uploaded.wait();
    slot.done->record(replica_.streams, StreamRole::compute);
    slot.done->wait();
  } catch (...) {  // a broken device uses nothing any more
  }
  slot.heatmaps.reset();
}

void DeviceSession::enqueue(Slot& slot) {
  // Torch would compile kernels in the first runs, while all callers wait, and the numbers would depend on how often the model ran.
  const torch::jit::GraphOptimizerEnabledGuard as_loaded(false);
  upload(slot);
  const StreamGuard guard(replica_.streams, StreamRole::compute);
  slot.uploaded.make_stream_wait(replica_.streams, StreamRole::compute);
  const InputInfo& size = info().input;
  const auto count = static_cast<std::int64_t>(slot.crop_count);
  const at::Tensor input =
      replica_.network.normalized(slot.crops.narrow(0, 0, count * crop_bytes_).view({count, size.height, size.width, 3}));
  const at::Tensor mirrored_input = request_.flip_test ? input.flip(3) : at::Tensor();  // first: the network may write to its input
  std::vector<at::Tensor> plain = replica_.network.forward(input);
  std::vector<at::Tensor> mirrored = request_.flip_test ? replica_.network.forward(mirrored_input) : std::vector<at::Tensor>();

  if (reduction_) {
    // A network may end with .cpu().
    for (std::vector<at::Tensor>* outputs : {&plain, &mirrored}) {
      for (at::Tensor& output : *outputs) output = output.to(replica_.network.device());
    }
    slot.heatmaps = request_.flip_test ? reduction_->wanted_mean(plain[0], mirrored[0]) : reduction_->wanted(plain[0]);
    const PeakReduction::Peaks peaks = reduction_->peaks(slot.heatmaps);
    download(peaks.places, 0, slot);
    download(peaks.patches, 1, slot);
  } else {
    slot.outputs = plain.size();
    for (std::size_t i = 0; i < plain.size(); ++i) download(plain[i].to(at::kFloat), i, slot);
    for (std::size_t i = 0; i < mirrored.size(); ++i) download(mirrored[i].to(at::kFloat), plain.size() + i, slot);
  }
  slot.done->record(replica_.streams, StreamRole::compute);
  replica_.under_way.push_back(slot.done);
}

/// Memory on the device for the slot's crops; on the copy stream.
void DeviceSession::make_room(Slot& slot) {
  if (!slot.crops.defined() || slot.crops.numel() < slot.staging.numel())
    slot.crops = at::empty(slot.staging.sizes(), slot.staging.options().device(replica_.network.device()));
}

/// Memory on the host for a crop's table. While the slot's batch is cropped, it stays where it is.
at::Tensor DeviceSession::table_for(Slot& slot, std::size_t position) {
  const auto crops = static_cast<std::int64_t>(slot.cropped.size());
  if (!slot.tables.defined() || slot.tables.size(0) < crops)
    slot.tables = replica_.streams.host_tensor({crops, crop_table_size(info().input.size())}, at::kInt);
  return slot.tables.select(0, static_cast<std::int64_t>(position));
}

/// The crops that were staged on the host, neighbours in one piece.
void DeviceSession::upload(Slot& slot) {
  const StreamGuard guard(replica_.streams, StreamRole::copy);
  make_room(slot);
  const auto places = slot.cropped.begin();
  const auto end = places + static_cast<std::ptrdiff_t>(slot.crop_count);
  for (auto first = std::find(places, end, false); first != end;) {
    const auto last = std::find(first, end, true);
    const std::int64_t begin = (first - places) * crop_bytes_;
    const std::int64_t bytes = (last - first) * crop_bytes_;
    slot.crops.narrow(0, begin, bytes).copy_(slot.staging.narrow(0, begin, bytes), /*non_blocking=*/true);
    first = std::find(last, end, false);
  }
  slot.uploaded.record(replica_.streams, StreamRole::copy);
}

void DeviceSession::download(const at::Tensor& from, std::size_t position, Slot& slot) {
  if (slot.host.size() <= position) slot.host.resize(position + 1);
  at::Tensor& to = slot.host[position];
  const auto fits = [&] {
    return to.defined() && to.dim() == from.dim() && to.size(0) >= from.size(0) && to.sizes().slice(1) == from.sizes().slice(1);
  };
  if (!fits()) to = replica_.streams.host_tensor(from.sizes(), from.scalar_type());
  to.narrow(0, 0, from.size(0)).copy_(from.contiguous(), /*non_blocking=*/true);
}

BatchResult DeviceSession::collect(std::size_t slot) {
  Slot& batch = slots_[slot];
  batch.under_way = false;
  const at::Tensor heatmaps = std::exchange(batch.heatmaps, {});
  return on_device(replica_, replica_.network.failure(), ErrorCode::invalid_model, [&] {
    batch.done->wait();
    return read(batch, heatmaps);
  });
}

BatchResult DeviceSession::read(Slot& slot, const at::Tensor& heatmaps) {
  const auto count = static_cast<std::int64_t>(slot.crop_count);
  if (!reduction_) {
    std::vector<at::Tensor> plain;
    std::vector<at::Tensor> mirrored;
    for (std::size_t i = 0; i < slot.host.size(); ++i) (i < slot.outputs ? plain : mirrored).push_back(slot.host[i].narrow(0, 0, count));
    ModelOutput output = view_of(plain, info(), nullptr);
    if (request_.flip_test) output = average_flipped(info(), output, view_of(mirrored, info(), nullptr), request_.channels);
    return {.peaks = {}, .output = std::move(output)};
  }
  slot.peaks.resize(static_cast<std::size_t>(count * heatmaps.size(1)));
  const std::vector<std::int64_t> incomplete =
      reduction_->read({.places = slot.host[0].narrow(0, 0, count), .patches = slot.host[1].narrow(0, 0, count)}, slot.peaks, slot.scratch);
  if (!incomplete.empty()) {  // the batch is done, so its heatmaps may be read on any stream; this one does not queue behind the next batch
    const StreamGuard guard(replica_.streams, StreamRole::full_map);
    reduction_->complete(heatmaps, incomplete, slot.peaks, slot.scratch);
  }
  return {.peaks = slot.peaks, .output = {}};
}

}  // namespace

Replica::Replica(std::shared_ptr<const Program> program, const ModelInfo& info, c10::Device device, c10::ScalarType type)
    : Replica(std::move(program), info, device, type, DeviceStreams(device, info.task())) {}

Replica::Replica(std::shared_ptr<const Program> program, ModelInfo info, c10::Device device, c10::ScalarType type,
                 const DeviceStreams& made)
    : network(std::move(program), std::move(info), device, type), streams(made) {
  streams.synchronize();  // loading and freezing worked on the default stream, which posekit's streams do not wait for
}

std::unique_ptr<BatchSession> open_device_session(Replica& replica, const DecodeRequest& request) {
  return on_device(replica, "a session on model \"" + replica.network.info().name + "\" can't be opened", ErrorCode::internal, [&] {
    const StreamGuard guard(replica.streams, StreamRole::full_map);  // what is copied here is there before anyone uses it
    return std::make_unique<DeviceSession>(replica, request);
  });
}

}  // namespace posekit::inline v0
