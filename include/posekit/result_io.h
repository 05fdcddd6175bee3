/// Results as JSON (docs/results.md) and as COCO key point results.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "posekit/export.h"
#include "posekit/geometry.h"
#include "posekit/keypoints.h"
#include "posekit/pose.h"

namespace posekit::inline v0 {

/// What a result's JSON says of the image.
struct ResultSource {
  std::string path;  ///< As the caller names the image.
  Size size;
  std::optional<std::int64_t> frame;  ///< Video only, like the next.
  std::optional<double> time_s;
};

/// One result as a document of format posekit-result/1: one line, UTF-8, no line break at the end.
/// Numbers are finite and in the shortest form that reads back exactly.
[[nodiscard]] POSEKIT_API std::string to_json(const ImageResult& result, const ResultSource& source, const KeypointSet& keypoints,
                                              std::string_view model_name);

/// COCO's image id: a number from an annotation file, or a file name.
using CocoImageId = std::variant<std::int64_t, std::string>;

/// The entries of one image for a COCO key point results file: JSON objects separated by ",\n", empty without poses.
/// Score = box score * mean of the keypoint scores > 0.2 (0 if there are none); keypoints as x, y, score.
[[nodiscard]] POSEKIT_API std::string to_coco_entries(const ImageResult& result, const CocoImageId& image_id);

/// Object keypoint similarity of a pose with a labelled one, COCO's formula, labelled points (v > 0) only.
/// @param labelled x, y and visibility v (in Keypoint::score) of each keypoint
/// @param area the annotation's area in square pixels
/// @return 0 to 1; 0 if no point is labelled (pycocotools takes the box there)
/// @throws Error invalid_argument if the three lengths differ
[[nodiscard]] POSEKIT_API double object_keypoint_similarity(std::span<const Keypoint> pose, std::span<const Keypoint> labelled,
                                                            std::span<const double> sigmas, double area);

}  // namespace posekit::inline v0
