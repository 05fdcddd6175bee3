/// The one document that has the results of all inputs: COCO results, a COCO dataset, or a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "given_boxes.h"
#include "model_runner.h"
#include "options.h"
#include "outputs.h"
#include "posekit/image_io.h"
#include "posekit/pose.h"
#include "posekit/result_io.h"

namespace cli {

/// An image's id in COCO results: from the annotations, else its file name.
posekit::CocoImageId coco_id(const Input& input, const GivenBoxes& boxes);

/// Written piece by piece, to its file or to standard output. A file is there once it is finished, else nothing is.
/// One thread at a time may use it.
class CombinedFile {
 public:
  /// All is borrowed.
  CombinedFile(const EstimateOptions& options, const OutputPlan& plan, const GivenBoxes& boxes, const ModelRunner& runner);

  /// Whether the run's format is such a document.
  bool wanted() const { return is_combined(options_.format); }
  /// Appends the result of the next image or frame, or its error. @throws posekit::Error io; what write_to_stdout throws
  void add(const Input& input, const posekit::ImageResult& result, const posekit::ResultSource& source);
  /// @throws as add
  void finish();

 private:
  void write(const std::string& text);
  void write_entries(const std::string& entries);
  void add_to_dataset(const Input& input, const posekit::ImageResult& result, posekit::Size size);

  const EstimateOptions& options_;
  const GivenBoxes& boxes_;
  const ModelRunner& runner_;
  std::filesystem::path path_;  ///< Empty: standard output.
  std::optional<posekit::OutputFile> file_;
  bool is_open_ = false;
  std::size_t results_ = 0;
  bool has_entries_ = false;
  std::string images_;  ///< Of a dataset, which has them behind the annotations.
  std::int64_t next_image_ = 1;
  std::int64_t next_annotation_ = 1;
};

}  // namespace cli
