/// Model: a loaded model, which estimators and detectors share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "posekit/device.h"
#include "posekit/export.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// Holds metadata as a JSON document.
struct MetadataDocument {
  std::string json;
};
/// Names a file that holds the metadata.
struct MetadataFile {
  std::filesystem::path path;
};
/// Names metadata that posekit itself holds, one of `model_presets()`.
struct MetadataPreset {
  std::string name;
};
/// Says which metadata counts.
///
/// std::monostate is the sidecar MODEL.posekit.json, else the extra file posekit.json in the
/// archive.
using MetadataSource = std::variant<std::monostate, MetadataDocument, MetadataFile, MetadataPreset>;

/// Says in which type of numbers a model computes.
///
/// A file whose metadata say `dtype` fp16 or bf16 was exported in that type. It runs as it is:
/// casting it to another is refused.
enum class Precision : std::uint8_t {
  automatic,    ///< "auto": as_exported if `dtype` is fp16 or bf16, else fp32.
  as_exported,  ///< No tensor of the network is cast, and crops are given to it in `dtype`.
  fp32,         ///< Weights and crops are converted to float32.
  fp16,         ///< To IEEE half precision.
  bf16          ///< To bfloat16.
};

/// Says whether loading checks the model against its metadata, by one forward of one black crop.
enum class WarmUp : std::uint8_t {
  check,
  none  ///< The first batch is checked instead; what may fix the batch means batches of one.
};

/// Sets how a model is loaded.
///
/// Single values given here override the metadata.
struct ModelOptions {
  MetadataSource metadata;
  /// The expected checksum of the weights file in hex, checked before Torch opens the file.
  ///
  /// Empty: not checked.
  std::string sha256;
  /// "auto", "cpu", "cuda", "cuda:N", or several of one kind joined by commas ("cuda:0,cuda:1").
  ///
  /// "auto" is CUDA if there is one, else the CPU. Several give a replica on each, which share the
  /// work. The same one twice is allowed and shares the weights. Each of several replicas has a
  /// thread of its own, and each on CUDA one that launches the device's work.
  std::string device = "auto";
  Precision precision = Precision::automatic;
  WarmUp warm_up = WarmUp::check;
  /// On a CPU in float32, a network of convolutions runs with fused operators.
  ///
  /// That makes it up to twice as fast. Results differ in their last digits from those without, and
  /// the weights of convolutions are held twice. Loading compiles the network, for the number of
  /// Torch threads that there are then: with another number it runs without. false: never fused.
  bool fuse = true;
};

/// Says how much of its device's memory a model takes, in bytes.
///
/// Torch's tensors and the crops count. What kernels take besides, and CUDA's own context, are not
/// seen. On a GPU `batch` and `person` are for the two batches that are under way at once. The flip
/// test's part is not included.
struct MemoryReport {
  Device device;
  std::uint64_t weights = 0;  ///< Held while the model is loaded.
  std::uint64_t batch = 0;    ///< Added for a batch, however many persons are in it.
  /// Added for each person of a batch, at the peak: crop, activations, output.
  std::uint64_t person = 0;
  /// What was available beside the weights when it was measured, if the system says.
  std::optional<std::uint64_t> available;
  /// The batch that fits into that, if each person takes as much as the second did; 0: none.
  std::optional<std::size_t> largest_batch;
};

/// Returns the value's name as on the command line, for example "auto" or "fp16".
[[nodiscard]] POSEKIT_API std::string_view to_string(Precision value) noexcept;

class ModelBackend;

/// Holds a loaded model, which estimators and detectors share.
///
/// It is immutable: any number of threads may use one at once. It is cheap to copy: copies, and the
/// estimators and detectors made of them, share the weights.
///
/// After fork() a child's copies may be destroyed, which frees nothing there. Whatever runs the
/// model fails with ErrorCode::forked.
class POSEKIT_API Model {
 public:
  /// Loads a model file; docs/models.md names the formats.
  ///
  /// Loading runs code from the file: open only files you trust (SECURITY.md). Loading can't be
  /// interrupted.
  ///
  /// @throws Error not_found if the model file, its metadata file or the preset is not there
  /// @throws Error io if a file can't be read
  /// @throws Error invalid_model if the file is broken, or contradicts its metadata or checksum
  /// @throws Error unsupported_model if posekit does not run files of that kind
  /// @throws Error device_unavailable if the device is not there
  /// @throws Error invalid_argument if the path is not a file's, or an option is not allowed, such
  ///     as another precision than that of a file in fp16 or bf16
  /// @throws Error out_of_memory if the memory does not hold the model
  /// @throws Error internal if another Torch runs than posekit was built for
  explicit Model(const std::filesystem::path& path, const ModelOptions& options = {});
  /// Loads a model from memory: from the bytes of such a file.
  ///
  /// The bytes are borrowed for the constructor, and nothing is written to disk. The metadata are
  /// in the archive or in the options.
  ///
  /// @throws Error as for a file
  explicit Model(std::span<const std::byte> bytes, const ModelOptions& options = {});
  /// Takes a loaded model, for posekit itself.
  ///
  /// ModelBackend is not part of the public interface.
  explicit Model(std::shared_ptr<ModelBackend> backend);

  /// Returns the metadata, complete.
  [[nodiscard]] const ModelInfo& info() const noexcept;
  /// Returns where the model runs: on one device, or on several of one kind that share the work.
  [[nodiscard]] std::span<const Device> devices() const noexcept;
  /// Returns whether the network runs with fused operators: see ModelOptions::fuse.
  [[nodiscard]] bool is_fused() const noexcept;
  /// Returns whether the model runs on the CPU.
  [[nodiscard]] bool on_cpu() const noexcept { return devices().front().kind == DeviceKind::cpu; }

  /// Measures how much memory the model takes.
  ///
  /// It runs batches of one and of two crops of zeros on the caller's thread.
  ///
  /// @throws Error invalid_argument if the model is on several devices
  /// @throws Error invalid_model, out_of_memory if a batch fails
  /// @throws Error forked in a child of the process that loaded the model
  [[nodiscard]] MemoryReport measure_memory() const;

  /// Returns what runs the model, for posekit itself.
  ///
  /// @throws Error invalid_argument if the model is for another task; the message says what the
  ///     model is and where it belongs
  [[nodiscard]] std::shared_ptr<ModelBackend> backend_for(Task task) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace posekit::inline v0
