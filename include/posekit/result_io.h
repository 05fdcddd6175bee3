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

/// Says what a result's JSON reports of the image.
struct ResultSource {
  std::string path;                   ///< As the caller names the image.
  Size size;                          ///< Of the image, in pixels.
  std::optional<std::int64_t> frame;  ///< Its position; videos only.
  std::optional<double> time_s;       ///< Its time in seconds; videos only.
};

/// Returns one result as a document of format posekit-result/1.
///
/// The document is one line of UTF-8, without a line break at the end. Numbers are finite and in
/// the shortest form that reads back exactly.
[[nodiscard]] POSEKIT_API std::string to_json(const ImageResult& result, const ResultSource& source, const KeypointSet& keypoints,
                                              std::string_view model_name);

/// Holds COCO's image id: a number from an annotation file, or a file name.
using CocoImageId = std::variant<std::int64_t, std::string>;

/// Returns the entries of one image for a COCO key point results file.
///
/// They are JSON objects separated by ",\n"; without poses the text is empty. Keypoints are x, y,
/// score. A pose's score is the box score times the mean of the keypoint scores > 0.2 (0 if there
/// are none).
[[nodiscard]] POSEKIT_API std::string to_coco_entries(const ImageResult& result, const CocoImageId& image_id);

/// Returns the object keypoint similarity of a pose with a labelled one, by COCO's formula.
///
/// Only labelled points (v > 0) count.
///
/// @param labelled x, y and visibility v (in Keypoint::score) of each keypoint
/// @param area the annotation's area in square pixels
/// @return 0 to 1; 0 if no point is labelled (pycocotools uses the box there)
/// @throws Error invalid_argument if the three lengths differ
[[nodiscard]] POSEKIT_API double object_keypoint_similarity(std::span<const Keypoint> pose, std::span<const Keypoint> labelled,
                                                            std::span<const double> sigmas, double area);

}  // namespace posekit::inline v0
