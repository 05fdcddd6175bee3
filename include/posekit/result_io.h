/// Results as JSON, COCO results and datasets, CSV and in OpenPose's form (docs/results.md).
#pragma once

#include <cstddef>
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

/// Says what a COCO dataset holds of an image.
struct CocoDatasetImage {
  std::int64_t id = 0;    ///< Each image has another.
  std::string file_name;  ///< As the tool that reads the dataset finds the image.
  Size size;              ///< In pixels.
};

/// Returns the annotations of one image for a COCO keypoint dataset, as labelling tools import it.
///
/// They are JSON objects separated by ",\n"; without poses the text is empty. A keypoint is x, y, v:
/// v is 2 for a score of at least `min_score`, 1 for a lower one, and 0 (with x and y) outside of the
/// image. The box is x, y, width, height within the image, and the area the box's. The score is that
/// of `to_coco_entries`.
///
/// @param first_id the id of the first pose's annotation, the others count on
[[nodiscard]] POSEKIT_API std::string to_coco_annotations(const ImageResult& result, const CocoDatasetImage& image, std::int64_t first_id,
                                                          float min_score = 0.3F);

/// Returns an image's entry for the list "images" of a COCO dataset, a JSON object.
[[nodiscard]] POSEKIT_API std::string to_coco_image(const CocoDatasetImage& image);

/// Returns the category "person", of id 1, with the names of the keypoints and the skeleton, whose
/// indices are counted from 1: an entry for the list "categories" of a COCO dataset, a JSON object.
[[nodiscard]] POSEKIT_API std::string to_coco_category(const KeypointSet& keypoints);

/// Returns the line with the names of the columns of `to_csv`, with its line break.
[[nodiscard]] POSEKIT_API std::string csv_header();

/// Returns one result as rows of comma-separated values (RFC 4180, line feeds): format posekit-table/1.
///
/// A row is a keypoint of a person. An error is a row; a result with neither people nor errors is a
/// row too. Text is in quotes, and a value that is missing is empty without quotes. The text is UTF-8.
/// docs/results.md has the columns.
///
/// @param number the result's position among all results, from 0
/// @throws Error invalid_argument if a pose has another number of keypoints than the set
[[nodiscard]] POSEKIT_API std::string to_csv(const ImageResult& result, const ResultSource& source, std::size_t number,
                                             const KeypointSet& keypoints);

/// Returns one result as OpenPose writes it, version 1.3: one JSON object without a line break.
///
/// The body is BODY_25, found by the keypoints' names; its neck and hip are half way between the
/// shoulders and the hips, with the lower of the two scores. Face and hands are there if the set has
/// them (coco_wholebody133; goliath308: the hands). A point that the set does not have is 0, 0, 0, and
/// a part of which it has none is an empty list. Source: OpenPose, doc/02_output.md.
///
/// @throws Error invalid_argument if the set has no point of BODY_25
/// @throws Error invalid_argument if a pose has another number of keypoints than the set
[[nodiscard]] POSEKIT_API std::string to_openpose(const ImageResult& result, const KeypointSet& keypoints);

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
