/// A session on the CPU: a batch is computed by the thread that collects it.
#include "torch/host_session.h"

#include <array>
#include <utility>
#include <vector>

#include "codec/flip.h"
#include "torch/runtime.h"

namespace posekit::inline v0 {
namespace {

/// A batch that waits for its forward.
struct HostSlot {
  std::vector<float> crops;  ///< [B,3,H,W], normalised.
  std::vector<float> mirrored;
  std::size_t count = 0;
  RunControl control;
};

class HostSession final : public BatchSession {
 public:
  HostSession(const Network& network, const DecodeRequest& request)
      : network_(network),
        request_(request),
        crop_values_(crop_bytes(CropFormat::float_chw, network.info().input.size()) / sizeof(float)) {}

  std::size_t slot_count() const noexcept override { return 1; }

  std::byte* staging(std::size_t slot, std::size_t crops) override {
    std::vector<float>& memory = slots_[slot].crops;
    if (memory.size() < crops * crop_values_) memory.resize(crops * crop_values_);
    return reinterpret_cast<std::byte*>(memory.data());
  }

  void submit(std::size_t slot, std::size_t crops, const RunControl& control) override {
    control.check();
    slots_[slot].count = crops;
    slots_[slot].control = control;
  }

  BatchResult collect(std::size_t slot) override {
    HostSlot& batch = slots_[slot];
    const RunControl control = std::exchange(batch.control, {});
    if (request_.flip_test) mirror(batch);  // first: the network may write to its input
    BatchResult result;
    result.output = forward(batch.crops, batch.count, control);
    if (request_.flip_test) {
      const ModelOutput mirrored = forward(batch.mirrored, batch.count, control);
      result.output = average_flipped(network_.info(), result.output, mirrored, request_.channels);
    }
    return result;
  }

 private:
  void mirror(HostSlot& batch) const {
    const Size size = network_.info().input.size();
    if (batch.mirrored.size() < batch.crops.size()) batch.mirrored.resize(batch.crops.size());
    for (std::size_t i = 0; i < batch.count; ++i) {
      mirror_crop(batch.crops.data() + i * crop_values_, size, batch.mirrored.data() + i * crop_values_);
    }
  }

  ModelOutput forward(const std::vector<float>& crops, std::size_t count, const RunControl& control) const {
    control.check();
    return in_torch(network_.failure(), ErrorCode::invalid_model, [&] {
      const at::Tensor input = network_.input_of(reinterpret_cast<const std::byte*>(crops.data()), count);
      auto tensors = std::make_shared<std::vector<at::Tensor>>(network_.forward(input));
      for (at::Tensor& tensor : *tensors) {
        tensor = tensor.to(c10::kCPU, c10::ScalarType::Float).contiguous();
        if (tensor.is_alias_of(input)) tensor = tensor.clone();  // the input's memory is the slot's
      }
      return view_of(*tensors, network_.info(), tensors);
    });
  }

  const Network& network_;
  DecodeRequest request_;
  std::size_t crop_values_;
  std::array<HostSlot, slots> slots_;
};

}  // namespace

std::unique_ptr<BatchSession> open_host_session(const Network& network, const DecodeRequest& request) {
  return std::make_unique<HostSession>(network, request);
}

}  // namespace posekit::inline v0
