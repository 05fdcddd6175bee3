/// Parts of the TorchScript backend, for tests that include no Torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "backend/model_backend.h"
#include "posekit/model.h"
#include "support/operators.h"

namespace posekit_test {

/// Number types and layouts that a network may give its heatmaps in.
enum class HeatmapType { float32, float16, bfloat16, float64 };
enum class HeatmapLayout { contiguous, channels_last, strided };

/// Heatmaps [B,K,h,w], float32, row-major.
struct Heatmaps {
  std::span<const float> values;
  std::size_t batch = 1;
  HeatmapType type = HeatmapType::float32;
  HeatmapLayout layout = HeatmapLayout::contiguous;
};

/// What a session does with a network's output, first and second look: records [B, wanted].
/// @param device "cpu" or "cuda" @param mirrored those of the mirror images; none: no flip test
/// @param second_looks counts channels that wanted one
std::vector<posekit::PeakRecord> torch_peaks(const std::string& device, const posekit::ModelInfo& info, const posekit::DecodeRequest& plan,
                                             const Heatmaps& heatmaps, std::span<const float> mirrored = {},
                                             std::size_t* second_looks = nullptr);

/// The values as that type holds them.
std::vector<float> rounded(std::span<const float> values, HeatmapType type);

/// Loads a model, frozen or not, sets the TF32 flag of its convolutions, runs it once, and returns the flags of its forward's convolutions.
/// @param changed how many were changed
std::vector<bool> tf32_flags_once_set(const std::filesystem::path& model, bool frozen, bool allowed, std::size_t& changed);

/// What a model gives for crops [count,3,H,W] if all of it is cast to the type before it is frozen, as float32.
std::vector<float> cast_before_freezing(const std::filesystem::path& model, HeatmapType type, std::span<const float> crops,
                                        std::size_t count);

/// Types of weight, bias and statistics of a loaded model's batch norms, as Torch names them.
std::vector<std::string> types_of_batch_norm_constants(const std::filesystem::path& model, posekit::Precision precision);

/// The crop [h,w,3] that the session's device makes of an image, which is on the host and is copied there first.
/// @param device "cpu" or "cuda"
std::vector<std::uint8_t> torch_crop(const std::string& device, const posekit::CropTask& task);

/// A session as on a device, on any model of lib/torch. The model must outlive it.
std::unique_ptr<posekit::BatchSession> open_device_session_of(posekit::ModelBackend& backend, const posekit::DecodeRequest& request);

/// Throws what posekit makes of an exception of Torch's with that text: invalid_model where it says nothing more.
void throw_torch_text(const std::string& text);

/// Something that a host program has switched on in Torch, for this thread or, like the default type, for the process, while it lives.
class HostSwitch {
 public:
  static std::vector<std::string> names();
  explicit HostSwitch(const std::string& name);
  HostSwitch(const HostSwitch&) = delete;
  HostSwitch& operator=(const HostSwitch&) = delete;
  ~HostSwitch();

 private:
  std::function<void()> off_;
};
/// All that such a switch may change, as text.
std::string torch_state();

/// Kinds of nodes that Torch has put into the network that this thread ran last, where it watched or compiled it; its fuser for CPUs is on
/// during the work.
std::set<std::string> compiled_nodes_of(const std::function<void()>& work);

/// What a device is asked for, step by step, for a model of 308 heatmaps of 192 x 256 in bfloat16 and crops of 768 x 1024: "normalise" and
/// "peaks" of one person, "weak" for the maxima of 64 weak channels, "crop" of a person in a 4K image that is on the device.
std::map<std::string, OperatorCounts> operators_by_step();

/// Loads, as for that device, a network that computes half of its input in a fork, waits for that and adds the input; and runs it on 2.
/// @param in_a_list it waits for what it takes out of a list of futures
/// @param answer its answer @return how many forks are left
std::size_t forks_left(bool in_a_list, const std::string& device, float& answer);

/// What Torch has made of a network that a host compiles and runs itself, as text: convolution, activation, sum.
std::string optimised_host_graph();

/// Why there is no CUDA device; empty if there is one.
std::string why_no_cuda();

}  // namespace posekit_test
