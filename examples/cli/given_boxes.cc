/// Where people come from that no detector looks for.
#include "given_boxes.h"

#include <fmt/format.h>

#include "messages.h"
#include "posekit/error.h"

namespace cli {

namespace fs = std::filesystem;

GivenBoxes::GivenBoxes(const EstimateOptions& options, const posekit::BoxesFile::Images& images)
    : whole_image_(options.whole_image),
      from_file_(!options.boxes.empty()),
      subset_(options.subset_of_boxes),
      annotations_(options.boxes_file.annotations.string()),
      name_(options.boxes) {
  if (!from_file_ && annotations_.empty()) return;
  posekit::BoxesFileOptions file = options.boxes_file;
  if (options.detector.score_threshold) file.score_threshold = static_cast<float>(*options.detector.score_threshold);
  try {
    file_.emplace(options.boxes, images, file);
  } catch (const posekit::Error& error) {
    throw UsageError(error.what());
  }
}

std::optional<std::vector<posekit::Box>> GivenBoxes::of(const fs::path& image, posekit::Size size) const {
  if (whole_image_) return {{posekit::Box{0, 0, static_cast<double>(size.width), static_cast<double>(size.height)}}};
  if (!from_file_) return std::nullopt;
  return file_->boxes(image, size);
}

std::optional<std::int64_t> GivenBoxes::image_id(const fs::path& image) const { return file_ ? file_->image_id(image) : std::nullopt; }

void GivenBoxes::count(const Input& input) {
  std::error_code ignored;
  const bool is_there = input.kind == InputKind::camera || fs::exists(input.path, ignored);  // else it fails, and that is enough
  if (!from_file_ || !input.problem.empty() || !is_there || file_->has_entry(input.path)) return;
  if (++without_entry_ == 1) first_without_entry_ = input.path.string();
}

Remarks GivenBoxes::remarks() const {
  Remarks remarks;
  if (!file_) return remarks;
  for (const std::string& note : file_->notes()) remarks.lines.push_back(fmt::format("posekit: {}", note));
  if (const auto& unused = file_->unused_entries(); !unused.empty()) {
    remarks.lines.push_back(fmt::format("posekit: boxes file \"{}\": {} no input, \"{}\" is the first{}", name_,
                                        counted(unused.size(), "entry fits", "entries fit"), unused.front(),
                                        subset_ ? "" : ": name the missing inputs, or pass --subset-of-boxes"));
    remarks.failed = !subset_;
  }
  if (without_entry_ > 0) {
    remarks.lines.push_back(fmt::format("posekit: boxes file \"{}\": {} no entry, \"{}\" is the first: zero people{}", name_,
                                        counted(without_entry_, "input has", "inputs have"), first_without_entry_,
                                        file_->lists_images() ? "; write an empty list for an image without people" : ""));
    remarks.failed = remarks.failed || file_->lists_images();
  }
  return remarks;
}

}  // namespace cli
