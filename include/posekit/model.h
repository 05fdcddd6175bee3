/// What a model is and how it is loaded: metadata, presets, options.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "posekit/export.h"
#include "posekit/geometry.h"
#include "posekit/keypoints.h"

namespace posekit::inline v0 {

enum class Task : std::uint8_t { pose, detect };
enum class ColorOrder : std::uint8_t { rgb, bgr };

/// What a model's output is and how it becomes keypoints. Symbols: B batch, K keypoints, w x h heatmap, W x H input.
enum class Codec : std::uint8_t {
  udp_heatmap,  ///< [B,K,h,w]; argmax and DARK (Zhang et al., CVPR 2020) in UDP's form: Sapiens, ViTPose.
  heatmap,      ///< [B,K,h,w]; argmax and `refinement`: HRNet and other classic models.
  simcc,        ///< (x [B,K,Wx], y [B,K,Wy]); Li et al., "SimCC", ECCV 2022: RTMPose.
  regression,   ///< [B,K,2 or 3] in input pixels or 0..1, third value = score.
  boxes_scores  ///< Detectors: boxes [B,N,4], scores [B,N], optional labels [B,N].
};

/// How a heatmap's integer peak is refined.
enum class Refinement : std::uint8_t { none, quarter, dark };

/// How a detector's input is made from an image.
enum class Resize : std::uint8_t { letterbox, stretch };
enum class Pad : std::uint8_t { right_bottom, center };

struct InputInfo {
  int width = 0;   ///< W
  int height = 0;  ///< H
  ColorOrder color = ColorOrder::rgb;
  std::array<double, 3> mean{0, 0, 0};       ///< In the order of `color`, units 0..255.
  std::array<double, 3> std{255, 255, 255};  ///< Input value = (pixel - mean) / std.
  Resize resize = Resize::letterbox;         ///< Detectors only, like the next two.
  Pad pad = Pad::right_bottom;
  int pad_value = 114;  ///< Grey level 0..255 of the border.

  [[nodiscard]] Size size() const noexcept { return {width, height}; }
};

struct OutputInfo {
  Codec codec = Codec::udp_heatmap;
  int width = 0;   ///< w; heatmap codecs only.
  int height = 0;  ///< h; heatmap codecs only.
  Refinement refinement = Refinement::dark;
  int blur_kernel = 11;     ///< Odd, in cells; dark only.
  double split_ratio = 2;   ///< simcc: bins for each input pixel.
  bool normalized = false;  ///< regression: coordinates in 0..1 instead of input pixels.
};

/// Where one value of a ModelInfo came from.
struct ValueOrigin {
  std::string key;     ///< As in the document, for example "output.codec".
  std::string value;   ///< As JSON text.
  std::string origin;  ///< For example "archive", "sidecar pose.pt.posekit.json", "preset sapiens-coco17", "option", "default".
};

/// A model's metadata (docs/models.md), complete: defaults are filled in, options applied.
struct ModelInfo {
  Task task = Task::pose;
  std::string name;
  std::string licence;
  std::string source;
  std::string sha256;  ///< Of the weights file, lower-case hex, or empty.
  InputInfo input;
  OutputInfo output;

  double box_padding = 1.25;  ///< Pose only, like the next three.
  Alignment alignment = Alignment::udp;
  bool flip_shift = true;  ///< `heatmap` codec only.
  KeypointSet keypoints;

  double score_threshold = 0.3;  ///< Detect only, like the next three.
  double nms_iou = 0.5;
  std::int64_t person_label = 0;
  std::size_t max_persons = std::numeric_limits<std::size_t>::max();

  std::vector<ValueOrigin> origins;  ///< In the order of docs/models.md's table.
  std::vector<std::string> notes;    ///< For example unknown keys that were ignored.
};

/// Reads a metadata document alone, without a model.
/// @param origin a word for `origins` and messages, for example "preset sapiens-coco17"
/// @throws Error invalid_model that names the key, what was found and what is allowed
[[nodiscard]] POSEKIT_API ModelInfo parse_model_info(std::string_view json, std::string_view origin);

/// The metadata as a document that parse_model_info reads back: defaults filled in, the keypoint set in full. One line, UTF-8.
[[nodiscard]] POSEKIT_API std::string to_json(const ModelInfo& info);

/// Names of the metadata presets, sorted: sapiens-coco17, sapiens-coco133, sapiens-goliath308.
[[nodiscard]] POSEKIT_API std::vector<std::string> model_presets();

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

/// What `posekit inspect` shows.
struct ModelReport {
  std::filesystem::path path;
  std::uint64_t file_bytes = 0;
  std::size_t parameters = 0;  ///< Number of values in parameters and buffers.
  std::size_t parameter_bytes = 0;
  ModelInfo info;
};

/// Loads a model on the CPU without running it and says what it is.
/// Loading a TorchScript file runs code from it: open only files you trust (SECURITY.md).
/// @throws Error as PoseEstimator's constructor does
[[nodiscard]] POSEKIT_API ModelReport inspect_model(const std::filesystem::path& path, const ModelOptions& options = {});

/// What `posekit inspect --memory` shows: what a model takes of its device's memory, in bytes. Torch's tensors and the crops count; what
/// kernels take besides, and CUDA's own context, are not seen.
struct MemoryReport {
  std::string device;         ///< "cpu" or "cuda:N".
  std::uint64_t weights = 0;  ///< Held while the model is loaded.
  std::uint64_t batch = 0;    ///< More for a batch, however many persons are in it,
  std::uint64_t person = 0;   ///< and for each person in it, at the peak: crop, activations, output. On a GPU for the two batches that
                              ///< are under way at once. The flip test's part is not among it.
  std::optional<std::uint64_t> available;    ///< What could be had beside the weights when it was measured, if the system tells.
  std::optional<std::size_t> largest_batch;  ///< The batch that fits into that, if each person takes as much as the second did; 0: none.
};

/// Loads a model on one device, and runs batches of one and of two crops of zeros to see what they take. Everything is freed on return.
/// Loading a TorchScript file runs code from it: open only files you trust (SECURITY.md).
/// @throws Error as PoseEstimator's constructor and estimate; invalid_argument if several devices are given
[[nodiscard]] POSEKIT_API MemoryReport measure_memory(const std::filesystem::path& path, const ModelOptions& options = {});

/// The report as one JSON object: path, file_bytes, parameters, parameter_bytes, metadata, origins (key: where from), notes.
[[nodiscard]] POSEKIT_API std::string to_json(const ModelReport& report);

[[nodiscard]] POSEKIT_API std::string_view to_string(Task value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(ColorOrder value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Codec value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Refinement value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Resize value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Pad value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Alignment value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Precision value) noexcept;

}  // namespace posekit::inline v0
