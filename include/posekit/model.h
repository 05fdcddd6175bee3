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

/// Metadata as a JSON document in the caller's hand.
struct MetadataDocument {
  std::string json;
};
/// Metadata in a file of its own.
struct MetadataFile {
  std::filesystem::path path;
};
/// Metadata that posekit knows under this name.
struct MetadataPreset {
  std::string name;
};
/// Which metadata counts; std::monostate = the sidecar MODEL.posekit.json, else the extra file posekit.json in the archive.
using MetadataSource = std::variant<std::monostate, MetadataDocument, MetadataFile, MetadataPreset>;

/// The type that weights and inputs are converted to.
enum class Precision : std::uint8_t { fp32, fp16, bf16 };

/// Whether loading runs one forward of one black crop to hold the model against its metadata.
enum class WarmUp : std::uint8_t {
  check,
  none  ///< The first batch is checked instead.
};

/// How a model is loaded. Single values given here override the metadata.
struct ModelOptions {
  MetadataSource metadata;
  std::string sha256;  ///< Expected checksum of the weights file in hex; checked before Torch opens it. Empty: not checked.
  /// "auto" (CUDA if there is one, else the CPU), "cpu", "cuda", "cuda:N", or several of one kind joined by commas: a replica on each,
  /// which share the work ("cuda:0,cuda:1"; the same one twice is allowed and shares the weights). Each replica has a thread of its own
  /// then.
  std::string device = "auto";
  Precision precision = Precision::fp32;
  WarmUp warm_up = WarmUp::check;
};

/// What a model takes of its device's memory, in bytes. Torch's tensors and the crops count; what kernels take besides, and CUDA's own
/// context, are not seen.
struct MemoryReport {
  Device device;
  std::uint64_t weights = 0;  ///< Held while the model is loaded.
  std::uint64_t batch = 0;    ///< More for a batch, however many persons are in it,
  std::uint64_t person = 0;   ///< and for each person in it, at the peak: crop, activations, output. On a GPU for the two batches that
                              ///< are under way at once. The flip test's part is not among it.
  std::optional<std::uint64_t> available;    ///< What could be had beside the weights when it was measured, if the system tells.
  std::optional<std::size_t> largest_batch;  ///< The batch that fits into that, if each person takes as much as the second did; 0: none.
};

[[nodiscard]] POSEKIT_API std::string_view to_string(Precision value) noexcept;

class ModelBackend;

/// A loaded model. Immutable and cheap to copy: copies, and the estimators and detectors made of them, share the weights. Any number of
/// threads may use one at once.
///
/// After fork() a child's copies may be destroyed, which frees nothing there; all that runs the model fails with ErrorCode::forked.
class POSEKIT_API Model {
 public:
  /// Loads a model file (docs/models.md names the formats). Loading runs code from it: open only files you trust (SECURITY.md).
  /// @throws Error not_found, io, invalid_model, unsupported_model, device_unavailable, invalid_argument, out_of_memory
  explicit Model(const std::filesystem::path& path, const ModelOptions& options = {});
  /// Loads the same from memory: the bytes of such a file, borrowed for the constructor. Nothing is written to disk; metadata are in the
  /// archive or in the options.
  explicit Model(std::span<const std::byte> bytes, const ModelOptions& options = {});
  /// For posekit itself: takes a loaded model. ModelBackend is not part of the public interface.
  explicit Model(std::shared_ptr<ModelBackend> backend);

  /// The metadata, complete.
  [[nodiscard]] const ModelInfo& info() const noexcept;
  /// Where it runs: one device, or several that share the work, all of one kind.
  [[nodiscard]] std::span<const Device> devices() const noexcept;
  [[nodiscard]] bool on_cpu() const noexcept { return devices().front().kind == DeviceKind::cpu; }

  /// Runs batches of one and of two crops of zeros on the caller's thread to see what they take.
  /// @throws Error invalid_argument for a model on several devices; invalid_model, out_of_memory, forked
  [[nodiscard]] MemoryReport measure_memory() const;

  /// For posekit itself. @throws Error invalid_argument if the model is for another task: it says what the model is and where it goes
  [[nodiscard]] std::shared_ptr<ModelBackend> backend_for(Task task) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace posekit::inline v0
