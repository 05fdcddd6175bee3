/// The one document that has the results of all inputs.
#include "combined_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <variant>

#include "posekit/error.h"

namespace cli {

using posekit::ErrorCode;

posekit::CocoImageId coco_id(const Input& input, const GivenBoxes& boxes) {
  const auto id = boxes.image_id(input.path);
  return id ? posekit::CocoImageId(*id) : posekit::CocoImageId(input.path.filename().string());
}

CombinedFile::CombinedFile(const EstimateOptions& options, const OutputPlan& plan, const GivenBoxes& boxes, const ModelRunner& runner)
    : options_(options), boxes_(boxes), runner_(runner), path_(plan.combined()) {}

/// The first piece opens the document.
void CombinedFile::write(const std::string& text) {
  std::string piece = text;
  if (!is_open_) {
    is_open_ = true;
    const bool table = options_.format == Format::csv;
    piece = (table ? posekit::csv_header() : options_.format == Format::coco ? "[" : "{\"annotations\": [") + text;
    if (!path_.empty()) {
      make_folder(path_.parent_path());
      file_.emplace(path_, options_.write);
    }
  }
  if (!file_) return write_to_stdout(piece);
  file_->write(bytes_of(piece));
}

void CombinedFile::write_entries(const std::string& entries) {
  if (entries.empty()) return;
  write((has_entries_ ? ",\n" : "") + entries);
  has_entries_ = true;
}

void CombinedFile::add(const Input& input, const posekit::ImageResult& result, const posekit::ResultSource& source) {
  if (options_.format == Format::csv) {
    const posekit::KeypointSet none;  // an error of a run that has not loaded its models yet
    return write(posekit::to_csv(result, source, results_++, runner_.is_loaded() ? runner_.estimator().keypoints() : none));
  }
  if (result.code != ErrorCode::ok) return;
  if (options_.format == Format::coco) return write_entries(posekit::to_coco_entries(result, coco_id(input, boxes_)));
  add_to_dataset(input, result, source.size);
}

void CombinedFile::add_to_dataset(const Input& input, const posekit::ImageResult& result, posekit::Size size) {
  const posekit::CocoImageId given = coco_id(input, boxes_);
  const auto* id = std::get_if<std::int64_t>(&given);
  const posekit::CocoDatasetImage image{id == nullptr ? next_image_++ : *id, input.name.string(), size};
  write_entries(posekit::to_coco_annotations(result, image, next_annotation_));
  next_annotation_ += static_cast<std::int64_t>(result.poses.size());
  images_ += (images_.empty() ? "" : ",\n") + posekit::to_coco_image(image);
}

void CombinedFile::finish() {
  if (options_.format == Format::csv) {
    write("");
  } else if (options_.format == Format::coco) {
    write("]\n");
  } else {
    const std::string category = runner_.is_loaded() ? posekit::to_coco_category(runner_.estimator().keypoints()) : "";
    write(fmt::format("],\n\"images\": [{}],\n\"categories\": [{}]}}\n", images_, category));
  }
  if (!file_) return;
  std::error_code ignored;
  if (!options_.overwrite && std::filesystem::exists(path_, ignored)) {  // of another run, for example of another shard
    throw posekit::Error(ErrorCode::io,
                         fmt::format("another run has written \"{}\" meanwhile: choose another folder with -o for each run, or "
                                     "pass --overwrite",
                                     path_.string()));
  }
  file_->finish();
}

}  // namespace cli
