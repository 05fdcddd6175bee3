/// A loaded program with what belongs to it: its metadata, device and type.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/model_output.h"
#include "posekit/error.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// What computes a network's outputs, of one file format. Immutable, safe to share. `run` needs a TorchScope.
class Program {
 public:
  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  virtual ~Program() = default;

  /// @throws Error invalid_model (see no_output); Torch's own exceptions pass through
  [[nodiscard]] virtual std::vector<at::Tensor> run(const at::Tensor& input, const ModelInfo& info) const = 0;
  /// Whether a run may write to the memory of its input; "may" counts as "does".
  [[nodiscard]] virtual bool writes_to_its_input() const = 0;
  /// Bytes of the weights, each storage once.
  [[nodiscard]] virtual std::size_t weight_bytes() const = 0;
  /// Whether it runs with fused operators.
  [[nodiscard]] virtual bool is_fused() const noexcept = 0;
  /// The half precision that most of the weights had before they were cast, if they had one.
  [[nodiscard]] virtual std::optional<Dtype> cast_from() const = 0;
};

/// Immutable, safe to share. `input_of`, `normalized` and `forward` need a TorchScope.
class Network {
 public:
  /// @param program on the device, @param type of its input
  Network(std::shared_ptr<const Program> program, ModelInfo info, c10::Device device, c10::ScalarType type);

  [[nodiscard]] const ModelInfo& info() const noexcept { return info_; }
  [[nodiscard]] c10::Device device() const noexcept { return device_; }
  /// Begins the message when a forward throws.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  /// The input of normalised crops [B,3,H,W], float32 on the host, borrowed; a copy where the network would write to it.
  [[nodiscard]] at::Tensor input_of(const std::byte* crops, std::size_t count) const;
  /// The input of crops [B,H,W,3], uint8 on the device: normalised there, in the network's type.
  [[nodiscard]] at::Tensor normalized(const at::Tensor& crops) const;

  [[nodiscard]] std::size_t weight_bytes() const { return program_->weight_bytes(); }
  [[nodiscard]] bool is_fused() const noexcept { return program_->is_fused(); }

  /// Runs the network and holds its output against the metadata. @throws Error invalid_model; Torch's own exceptions pass through
  [[nodiscard]] std::vector<at::Tensor> forward(const at::Tensor& input) const;

 private:
  std::shared_ptr<const Program> program_;
  ModelInfo info_;
  c10::Device device_;
  c10::ScalarType type_;
  std::string failure_;
  bool writes_to_its_input_;
  at::Tensor mean_;
  at::Tensor std_;
};

/// The error of a program that gives something other than tensors. @param found what it gives
[[nodiscard]] Error no_output(const ModelInfo& info, const std::string& found);

/// Output tensors of float32 as the rest of posekit sees them. @param owner keeps the tensors' memory
/// @throws Error invalid_model for a tensor of more than four dimensions
[[nodiscard]] ModelOutput view_of(const std::vector<at::Tensor>& tensors, const ModelInfo& info, std::shared_ptr<const void> owner);

}  // namespace posekit::inline v0
