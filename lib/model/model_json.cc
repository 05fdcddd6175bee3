/// Metadata and model reports as JSON.
#include <nlohmann/json.hpp>

#include "posekit/model_info.h"
#include "posekit/model_report.h"

namespace posekit::inline v0 {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json set_of(const KeypointSet& set) {
  Json keypoints = Json::array();
  for (std::size_t i = 0; i < set.size(); ++i) {
    const KeypointInfo& keypoint = set.keypoints[i];
    keypoints.push_back({{"id", i}, {"name", keypoint.name}, {"swap", keypoint.swap ? Json(*keypoint.swap) : Json()}});
  }
  Json links = Json::array();
  for (const auto& [a, b] : set.links) links.push_back({a, b});
  Json document{{"name", set.name}, {"count", set.size()}};
  if (!set.provenance.empty()) document["provenance"] = set.provenance;
  document["keypoints"] = std::move(keypoints);
  document["links"] = std::move(links);
  document["sigmas"] = set.sigmas.empty() ? Json() : Json(set.sigmas);
  document["subsets"] = set.subsets.empty() ? Json::object() : Json(set.subsets);
  return document;
}

Json document_of(const ModelInfo& info) {
  Json document{{"format", "posekit-model/1"}};
  for (const ValueOrigin& entry : info.origins) {
    const Json value = Json::parse(entry.value, nullptr, false);
    const bool unset = value.is_discarded() || (entry.origin == "default" && value.is_string() && value == "");
    if (unset) continue;
    const std::size_t dot = entry.key.find('.');
    if (dot == std::string::npos) {
      document[entry.key] = value;
    } else {
      document[entry.key.substr(0, dot)][entry.key.substr(dot + 1)] = value;
    }
  }
  if (info.task() == Task::pose) document["keypoints"] = set_of(info.pose().keypoints);
  return document;
}

}  // namespace

std::string to_json(const ModelInfo& info) { return text_of(document_of(info)); }

std::string to_json(const ModelReport& report) {
  Json origins = Json::object();
  for (const ValueOrigin& entry : report.info.origins) origins[entry.key] = entry.origin;
  return text_of({{"path", report.path.string()},
                  {"file_bytes", report.file_bytes},
                  {"parameters", report.parameters},
                  {"parameter_bytes", report.parameter_bytes},
                  {"metadata", document_of(report.info)},
                  {"origins", std::move(origins)},
                  {"notes", report.info.notes}});
}

}  // namespace posekit::inline v0
