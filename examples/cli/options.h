/// What the command line asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "posekit/boxes_file.h"
#include "posekit/detector.h"
#include "posekit/draw.h"
#include "posekit/estimator.h"
#include "posekit/image_io.h"
#include "posekit/model.h"
#include "posekit/pipeline.h"

namespace cli {

/// Wrong usage: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How results are written.
enum class Format {
  json,          ///< A file for each image or video.
  coco,          ///< One file for all images: results.
  coco_dataset,  ///< One file for all images: images, annotations, the category.
  csv,           ///< One table for all images and videos.
  openpose       ///< A file for each image or frame.
};
constexpr const char* to_string(Format value) {
  switch (value) {
    case Format::json: return "json";
    case Format::coco: return "coco";
    case Format::coco_dataset: return "coco-dataset";
    case Format::csv: return "csv";
    case Format::openpose: return "openpose";
  }
  return "";
}

/// Whether a format has no place for frames of videos.
constexpr bool is_for_images_only(Format value) { return value == Format::coco || value == Format::coco_dataset; }

/// Whether a format is one document for all inputs.
constexpr bool is_combined(Format value) { return value != Format::json && value != Format::openpose; }

/// Where images are cropped and results decoded.
enum class ExecutorKind { serial, pool };
constexpr const char* to_string(ExecutorKind value) { return value == ExecutorKind::serial ? "serial" : "pool"; }

/// posekit's precisions, and float32 that may be computed in TF32: a setting of the process.
enum class Precision { automatic, as_exported, fp32, tf32, fp16, bf16 };
constexpr const char* to_string(Precision value) {
  switch (value) {
    case Precision::automatic: return "auto";
    case Precision::as_exported: return "as_exported";
    case Precision::fp32: return "fp32";
    case Precision::tf32: return "tf32";
    case Precision::fp16: return "fp16";
    case Precision::bf16: return "bf16";
  }
  return "";
}

/// Which model, and where it runs in what precision.
struct ModelChoice {
  std::string path;               ///< Empty: the shipped one.
  posekit::ModelOptions options;  ///< Precision and warm-up apart: `model_options` sets them.
  Precision precision = Precision::automatic;
  std::optional<std::uint64_t> device_memory_limit;  ///< Bytes.
};

/// The library's options are parsed in place. `ModelRunner` adds the executor, and what depends on the input.
struct EstimateOptions {
  std::vector<std::string> inputs;
  ModelChoice model;
  posekit::EstimatorOptions estimator;
  std::string detector_path;  ///< Empty: the shipped one.
  posekit::DetectorOptions detector;
  std::string boxes;
  posekit::BoxesFileOptions boxes_file;  ///< The score threshold apart, which is the detector's.
  bool subset_of_boxes = false;          ///< The boxes file has entries of other inputs, too.
  bool whole_image = false;
  std::string output = "posekit-out";  ///< "-": standard output.
  bool draw = false;
  bool save_crops = false;
  posekit::DrawOptions drawing;
  Format format = Format::json;
  ExecutorKind executor = ExecutorKind::pool;
  std::size_t threads = 0;
  int torch_threads = 0;
  double timeout = 0;              ///< Seconds for each image or frame; 0: none.
  posekit::PipelineOptions video;  ///< For videos only.
  bool track = true;               ///< Ids and smoothing in videos.
  std::string shard = "0/1";
  bool overwrite = false;
  bool keep = false;  ///< Results of an earlier run that don't fit stay.
  bool quiet = false;
  bool report = false;
  posekit::WriteOptions write;

  bool to_stdout() const { return output == "-"; }
};

}  // namespace cli
