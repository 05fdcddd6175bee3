/// Results as JSON of format posekit-result/1 (docs/results.md).
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "posekit/result_io.h"
#include "results/number.h"
#include "results/text.h"

namespace posekit::inline v0 {
namespace {

template <class Items, class Write>
std::string array_of(const Items& items, Write write) {
  std::string text = "[";
  for (const auto& item : items) {
    if (text.size() > 1) text += ", ";
    text += write(item);
  }
  return text + "]";
}

std::string box_text(const Box& box) {
  return fmt::format("[{}, {}, {}, {}]", json_number(box.x1), json_number(box.y1), json_number(box.x2), json_number(box.y2));
}

std::string image_text(const ResultSource& source) {
  std::string text =
      fmt::format(R"({{"path": {}, "width": {}, "height": {})", json_string(source.path), source.size.width, source.size.height);
  if (source.frame) text += fmt::format(R"(, "frame": {})", *source.frame);
  if (source.time_s) text += fmt::format(R"(, "time_s": {})", json_number(*source.time_s));
  return text + "}";
}

std::string meta_info_text(const KeypointSet& set) {
  return fmt::format(R"({{"keypoint_names": {}, "skeleton_links": {}}})",
                     array_of(set.keypoints, [](const KeypointInfo& keypoint) { return json_string(keypoint.name); }),
                     array_of(set.links, [](const auto& link) { return fmt::format("[{}, {}]", link.first, link.second); }));
}

std::string pose_text(const Pose& pose) {
  std::string text =
      fmt::format(R"({{"bbox": {}, "bbox_score": {}, "box_index": {})", box_text(pose.box), json_number(pose.box.score), pose.box_index);
  if (pose.track_id) text += fmt::format(R"(, "track_id": {})", *pose.track_id);
  text +=
      fmt::format(R"(, "keypoints": {}, "keypoint_scores": {}}})",
                  array_of(pose.keypoints, [](const Keypoint& k) { return fmt::format("[{}, {}]", json_number(k.x), json_number(k.y)); }),
                  array_of(pose.keypoints, [](const Keypoint& k) { return json_number(k.score); }));
  return text;
}

/// The image's own error, which names no box, then the boxes'.
std::string errors_text(const ImageResult& result) {
  std::string text;
  if (result.code != ErrorCode::ok) {
    text = fmt::format(R"({{"code": "{}", "message": {}}})", to_string(result.code), json_string(result.message));
  }
  for (const BoxError& error : result.box_errors) {
    if (!text.empty()) text += ", ";
    text += fmt::format(R"({{"box_index": {}, "code": "{}", "message": {}}})", error.box_index, to_string(error.code),
                        json_string(error.message));
  }
  return text;
}

std::string timings_text(const Timings& timings) {
  const auto ms = [](Milliseconds value) { return json_number(std::round(value.count() * 1000) / 1000); };
  return fmt::format(R"({{"decode": {}, "detect": {}, "preprocess": {}, "inference": {}, "postprocess": {}}})", ms(timings.decode),
                     ms(timings.detect), ms(timings.preprocess), ms(timings.inference), ms(timings.postprocess));
}

}  // namespace

std::string to_json(const ImageResult& result, const ResultSource& source, const KeypointSet& keypoints, std::string_view model_name) {
  std::string text =
      fmt::format(R"({{"format": "posekit-result/1", "image": {}, "model": {{"name": {}, "keypoints": {}}}, "meta_info": {}, )",
                  image_text(source), json_string(model_name), json_string(keypoints.name), meta_info_text(keypoints));
  text += fmt::format(R"("instance_info": {}, )", array_of(result.poses, pose_text));
  const std::string errors = errors_text(result);
  if (!errors.empty()) text += fmt::format(R"("errors": [{}], )", errors);
  return text + fmt::format(R"("timings_ms": {}}})", timings_text(result.timings));
}

}  // namespace posekit::inline v0
