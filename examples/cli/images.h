/// posekit estimate, images: reads them, runs them through the models side by side, and writes their results in order.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "posekit/result_io.h"
#include "run_context.h"

namespace cli {

class ImageRun {
 public:
  explicit ImageRun(const RunContext& run) : run_(run) {}

  /// Works on images until `next` gives none. @throws std::runtime_error (a model can't be loaded)
  void run(const std::function<std::optional<Input>()>& next);

  /// All COCO entries so far, in the order of the images.
  const std::string& coco_entries() const { return coco_entries_; }

 private:
  struct Work;

  std::optional<posekit::PipelineInput> read_next(const std::function<std::optional<Input>()>& next);
  std::optional<posekit::PipelineInput> read(const Input& input, std::size_t number, const EarlierResults::Replaced& replaced);
  void finish(const posekit::PipelineResult& done);
  void write(const Work& work, const posekit::ImageResult& result);
  void close_failed(std::size_t number, const Input& input, const std::string& message);

  const RunContext& run_;
  std::string coco_entries_;
};

/// An image's id in COCO results: from the annotations, else its file name.
posekit::CocoImageId coco_id(const Input& input, const GivenBoxes& boxes);

}  // namespace cli
