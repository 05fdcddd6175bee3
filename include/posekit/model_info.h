/// A model's metadata, and reading them: what a model is, without the model.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "posekit/export.h"
#include "posekit/geometry.h"
#include "posekit/keypoints.h"

namespace posekit::inline v0 {

/// Says what a model does.
enum class Task : std::uint8_t { pose, detect };
/// Names the order of the colour channels of a model's input.
enum class ColorOrder : std::uint8_t { rgb, bgr };

/// Says what a model's output is and how it becomes keypoints.
///
/// B is the batch, K the number of keypoints, N that of candidate boxes, w x h the heatmap, W x H
/// the input.
///
/// DARK is from Zhang et al., CVPR 2020. SimCC is from Li et al., "SimCC", ECCV 2022.
enum class Codec : std::uint8_t {
  udp_heatmap,  ///< [B,K,h,w]; argmax and DARK in UDP's form: Sapiens, ViTPose.
  heatmap,      ///< [B,K,h,w]; argmax and `refinement`: HRNet and other classic models.
  simcc,        ///< (x [B,K,Wx], y [B,K,Wy]): RTMPose.
  regression,   ///< [B,K,2 or 3] in input pixels or 0..1, third value = score.
  boxes_scores  ///< Detectors: boxes [B,N,4], scores [B,N], optional labels [B,N].
};

/// Says how a heatmap's integer peak is refined.
enum class Refinement : std::uint8_t { none, quarter, dark };

/// Says how a crop's pixels are made of those of the image.
///
/// Both are exact to within one grey level. bicubic is the kernel of Keys (1981) with a = -0.75, as
/// OpenCV's INTER_CUBIC.
enum class Interpolation : std::uint8_t { bilinear, bicubic };

/// Names the type of floating-point numbers in a model file.
enum class Dtype : std::uint8_t { fp32, fp16, bf16 };

/// Says how a detector's input is made from an image.
enum class Resize : std::uint8_t { letterbox, stretch };
/// Says where a letterboxed image gets its border.
enum class Pad : std::uint8_t { right_bottom, center };

/// Describes a model's input.
struct InputInfo {
  int width = 0;   ///< W, in pixels.
  int height = 0;  ///< H, in pixels.
  ColorOrder color = ColorOrder::rgb;
  std::array<double, 3> mean{0, 0, 0};       ///< In the order of `color`, units 0..255.
  std::array<double, 3> std{255, 255, 255};  ///< Input value = (pixel - mean) / std.

  /// Returns W x H.
  [[nodiscard]] Size size() const noexcept { return {width, height}; }
};

/// Describes heatmaps [B,K,h,w]: the codecs udp_heatmap and heatmap.
struct HeatmapOutput {
  Size size;        ///< w x h cells.
  bool udp = true;  ///< The codec udp_heatmap; false: heatmap.
  Refinement refinement = Refinement::dark;
  int blur_kernel = 11;  ///< Odd, in cells; for Refinement::dark.
  /// The flip test moves the mirrored map right by one cell before it averages. Never with `udp`.
  bool flip_shift = false;
};

/// Describes two classifications for each keypoint, x [B,K,Wx] and y [B,K,Wy]: the codec simcc.
struct SimccOutput {
  double split_ratio = 2;  ///< Bins for each input pixel.
};

/// Describes coordinates [B,K,2 or 3]: the codec regression.
struct RegressionOutput {
  bool normalized = false;  ///< In 0..1 instead of input pixels.
};

/// Describes boxes [B,N,4], scores [B,N] and optional labels [B,N]: a detector's codec
/// boxes_scores.
struct BoxesOutput {};

/// Says what a model's output is.
using OutputInfo = std::variant<HeatmapOutput, SimccOutput, RegressionOutput, BoxesOutput>;

/// Returns the codec that reads this output.
[[nodiscard]] POSEKIT_API Codec codec_of(const OutputInfo& output) noexcept;

/// Holds what only pose models have.
struct PoseInfo {
  double box_padding = 1.25;  ///< Factor on a box's size, > 0.
  /// Where a crop enlarges its part of the image along both axes, or keeps its size. Elsewhere the
  /// crop is bilinear.
  Interpolation enlarge = Interpolation::bilinear;
  Alignment alignment = Alignment::udp;
  KeypointSet keypoints;
};

/// Holds what only detectors have.
struct DetectInfo {
  Resize resize = Resize::letterbox;
  Pad pad = Pad::right_bottom;
  int pad_value = 114;           ///< Grey level 0..255 of the border.
  double score_threshold = 0.3;  ///< Scores must exceed it.
  double nms_iou = 0.5;          ///< Of two boxes that overlap more, the weaker is dropped.
  std::int64_t person_label = 0;
  std::size_t max_persons = std::numeric_limits<std::size_t>::max();  ///< The best ones are kept.
};

/// Says where one value of a ModelInfo came from.
struct ValueOrigin {
  std::string key;    ///< As in the document, for example "output.codec".
  std::string value;  ///< As JSON text.
  /// For example "archive", "sidecar pose.pt.posekit.json", "preset sapiens-coco17", "option",
  /// "default".
  std::string origin;
};

/// Holds a model's metadata (docs/models.md), complete.
///
/// Defaults are filled in and options are applied.
struct ModelInfo {
  std::string name;
  std::string licence;
  std::string source;
  std::string sha256;         ///< Of the weights file, lower-case hex, or empty.
  Dtype dtype = Dtype::fp32;  ///< The type in which the file computes, and takes its input.
  InputInfo input;
  OutputInfo output;
  std::variant<PoseInfo, DetectInfo> purpose;  ///< What the model is for.

  std::vector<ValueOrigin> origins;  ///< In the order of docs/models.md's table.
  std::vector<std::string> notes;    ///< For example unknown keys that were ignored.

  /// Returns what the model does.
  [[nodiscard]] Task task() const noexcept { return std::holds_alternative<PoseInfo>(purpose) ? Task::pose : Task::detect; }
  /// Returns what only pose models have.
  ///
  /// @throws std::bad_variant_access for a detector
  [[nodiscard]] const PoseInfo& pose() const { return std::get<PoseInfo>(purpose); }
  /// Returns the same, to be changed.
  [[nodiscard]] PoseInfo& pose() { return std::get<PoseInfo>(purpose); }
  /// Returns what only detectors have.
  ///
  /// @throws std::bad_variant_access for a pose model
  [[nodiscard]] const DetectInfo& detect() const { return std::get<DetectInfo>(purpose); }
  /// Returns the same, to be changed.
  [[nodiscard]] DetectInfo& detect() { return std::get<DetectInfo>(purpose); }
};

/// Reads a metadata document alone, without a model.
///
/// @param origin a word for `origins` and messages, for example "preset sapiens-coco17"
/// @throws Error invalid_model that names the key, what was found and what is allowed
[[nodiscard]] POSEKIT_API ModelInfo parse_model_info(std::string_view json, std::string_view origin);

/// Returns the metadata as a document that parse_model_info reads back.
///
/// Defaults are filled in, and the keypoint set is there in full. The document is one line of
/// UTF-8.
[[nodiscard]] POSEKIT_API std::string to_json(const ModelInfo& info);

/// Returns the names of the metadata presets, sorted.
///
/// docs/models.md lists them.
[[nodiscard]] POSEKIT_API std::vector<std::string> model_presets();

/// Each of these returns the value's name, the same in the enumeration and in the metadata.
[[nodiscard]] POSEKIT_API std::string_view to_string(Task value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(ColorOrder value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Codec value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Refinement value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Interpolation value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Dtype value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Resize value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Pad value) noexcept;
[[nodiscard]] POSEKIT_API std::string_view to_string(Alignment value) noexcept;

}  // namespace posekit::inline v0
