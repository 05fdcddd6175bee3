/// A model's default name, and changes to its metadata that options ask for.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// A model's name where the metadata have none: the file's; bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string name_of(const std::filesystem::path& model);

/// Each checks the value, sets it and notes "option" as its origin. @throws Error invalid_argument that names the value
void override_box_padding(ModelInfo& info, double padding);
void override_score_threshold(ModelInfo& info, double threshold);
void override_nms_iou(ModelInfo& info, double iou);
void override_max_persons(ModelInfo& info, std::size_t persons);

}  // namespace posekit::inline v0
