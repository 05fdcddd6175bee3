/// A loaded TorchScript module with what belongs to it: its metadata, device and type.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include <cstddef>
#include <string>
#include <vector>

#include "codec/model_output.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// Immutable, safe to share. `input_of`, `normalized` and `forward` need InferenceMode.
class Network {
 public:
  /// @param module in eval mode, on the device, in the type
  Network(torch::jit::Module module, ModelInfo info, c10::Device device, c10::ScalarType type);

  [[nodiscard]] const ModelInfo& info() const noexcept { return info_; }
  [[nodiscard]] c10::Device device() const noexcept { return device_; }
  /// Begins the message when a forward throws.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  /// The input of normalised crops [B,3,H,W], float32 on the host, borrowed; a copy where the network would write to it.
  [[nodiscard]] at::Tensor input_of(const std::byte* crops, std::size_t count) const;
  /// The input of crops [B,H,W,3], uint8 on the device: normalised there, in the network's type.
  [[nodiscard]] at::Tensor normalized(const at::Tensor& crops) const;

  /// Bytes of the weights: parameters, buffers and the constants that freezing made of them, each storage once.
  [[nodiscard]] std::size_t weight_bytes() const;

  /// Runs the network and holds its output against the metadata. @throws Error invalid_model; what Torch throws comes through
  [[nodiscard]] std::vector<at::Tensor> forward(const at::Tensor& input) const;

 private:
  torch::jit::Module module_;
  ModelInfo info_;
  c10::Device device_;
  c10::ScalarType type_;
  std::string failure_;
  bool writes_to_its_input_;
  at::Tensor mean_;
  at::Tensor std_;
};

/// Output tensors of float32 as the rest of posekit sees them. @param owner keeps the tensors' memory
/// @throws Error invalid_model for a tensor of more than four dimensions
[[nodiscard]] ModelOutput view_of(const std::vector<at::Tensor>& tensors, const ModelInfo& info, std::shared_ptr<const void> owner);

}  // namespace posekit::inline v0
