/// Results as CSV: the rows of format posekit-table/1 (docs/results.md).
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "posekit/result_io.h"
#include "results/keypoint_count.h"
#include "results/number.h"
#include "results/text.h"

namespace posekit::inline v0 {
namespace {

constexpr std::string_view no_keypoint = ",,,,,";
constexpr std::string_view no_box = ",,,,,,,";
constexpr std::string_view no_error = ",\n";

/// A quoted field: an empty text is another thing than none.
std::string text_field(std::string_view text) {
  std::string field = "\"";
  for (const char c : valid_utf8(text)) field.append(c == '"' ? 2 : 1, c);
  return field + '"';
}

/// Of a person, up to the box's score.
std::string person_fields(const Pose& pose) {
  const Box& box = pose.box;
  return fmt::format("{},{},{},{},{},{},{},", pose.box_index, pose.track_id ? fmt::format("{}", *pose.track_id) : "", json_number(box.x1),
                     json_number(box.y1), json_number(box.x2), json_number(box.y2), json_number(box.score));
}

std::string error_fields(ErrorCode code, std::string_view message) {
  return fmt::format("{},{}\n", text_field(to_string(code)), text_field(message));
}

}  // namespace

std::string csv_header() {
  return "result,path,frame,time_s,width,height,box_index,track_id,x1,y1,x2,y2,box_score,keypoint_index,keypoint,x,y,score,error_code,"
         "error\n";
}

std::string to_csv(const ImageResult& result, const ResultSource& source, std::size_t number, const KeypointSet& keypoints) {
  std::vector<std::string> names;
  std::ranges::transform(keypoints.keypoints, std::back_inserter(names),
                         [](const KeypointInfo& keypoint) { return text_field(keypoint.name); });
  const std::string image =
      fmt::format("{},{},{},{},{},{},", number, text_field(source.path), source.frame ? fmt::format("{}", *source.frame) : "",
                  source.time_s ? json_number(*source.time_s) : "", source.size.width, source.size.height);
  std::string rows;
  for (const Pose& pose : result.poses) {
    check_keypoint_count(pose, keypoints);
    const std::string person = image + person_fields(pose);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Keypoint& keypoint = pose.keypoints[i];
      rows += fmt::format("{}{},{},{},{},{},{}", person, i, names[i], json_number(keypoint.x), json_number(keypoint.y),
                          json_number(keypoint.score), no_error);
    }
  }
  if (result.code != ErrorCode::ok) rows += fmt::format("{}{}{}{}", image, no_box, no_keypoint, error_fields(result.code, result.message));
  for (const BoxError& error : result.box_errors) {
    rows += fmt::format("{}{}{}{}{}", image, error.box_index, no_box, no_keypoint, error_fields(error.code, error.message));
  }
  return rows.empty() ? fmt::format("{}{}{}{}", image, no_box, no_keypoint, no_error) : rows;
}

}  // namespace posekit::inline v0
