/// How a codec holds a model's output against its metadata.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "codec/model_output.h"
#include "posekit/export.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// Each throws Error invalid_model with what was found and what the metadata say.
void expect_tensors(const ModelInfo& info, const ModelOutput& output, std::size_t least, std::size_t most);
void expect_keypoints(const ModelInfo& info, const OutputTensor& tensor);
/// @param meaning of the dimensions, for the message
void expect_shape(const ModelInfo& info, const OutputTensor& tensor, std::span<const std::size_t> expected, std::string_view meaning);

/// Holds a model's output against its metadata: number of tensors, ranks, B, K, w, h; detectors' boxes, scores and labels.
/// @throws Error invalid_model with what was found and what the metadata say
POSEKIT_API void check_output(const ModelInfo& info, const ModelOutput& output, std::size_t batch);

}  // namespace posekit::inline v0
