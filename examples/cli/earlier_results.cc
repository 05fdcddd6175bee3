/// What an earlier run left.
#include "earlier_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <utility>
#include <variant>

#include "messages.h"
#include "models.h"
#include "posekit/error.h"
#include "posekit/model_report.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* key = "made_with";
constexpr std::uintmax_t most_line_bytes = std::uintmax_t{1} << 28;

/// The first and the last line of a file; of one line it is both. @return discarded values if they are no JSON
std::pair<Json, Json> ends_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream.tellg();
  if (size <= 1 || static_cast<std::uintmax_t>(size) > std::uintmax_t{1} << 40) return {Json::parse("", nullptr, false), {}};
  // The last line begins behind the last line break but the one that ends the file.
  std::streamoff begin = size - 1;
  std::array<char, 4096> block;
  while (begin > 0) {
    const std::streamoff from = std::max<std::streamoff>(0, begin - static_cast<std::streamoff>(block.size()));
    stream.seekg(from);
    stream.read(block.data(), begin - from);
    const auto end = block.begin() + (begin - from);
    const auto found = std::find(std::reverse_iterator(end), block.rend(), '\n');
    if (found != block.rend()) {
      begin = from + (found.base() - block.begin());
      break;
    }
    begin = from;
  }
  const auto line_at = [&](std::streamoff at) {
    std::string line;
    stream.clear();
    stream.seekg(at);
    if (static_cast<std::uintmax_t>(size - at) < most_line_bytes || at == 0) std::getline(stream, line);
    return Json::parse(line, nullptr, false);
  };
  Json last = line_at(begin);
  Json first = begin == 0 ? last : line_at(0);
  return {std::move(first), std::move(last)};
}

/// The value at the end of a way of keys; null where there is none.
Json at(const Json& value, std::initializer_list<const char*> keys) {
  Json found = value;
  for (const char* name : keys) {
    if (!found.is_object() || !found.contains(name)) return nullptr;
    found = Json(found[name]);
  }
  return found;
}

bool is_result(const Json& value) { return at(value, {"format"}) == "posekit-result/1"; }

/// The metadata that override the file's own.
Json metadata_of(const posekit::MetadataSource& metadata) {
  if (const auto* preset = std::get_if<posekit::MetadataPreset>(&metadata)) return {{"preset", preset->name}};
  if (const auto* file = std::get_if<posekit::MetadataFile>(&metadata)) return {{"sha256", posekit::model_sha256(file->path)}};
  return nullptr;
}

/// Metadata in a file beside the model count as the model's.
Json model_of(const fs::path& path) {
  Json model{{"sha256", posekit::model_sha256(path)}};
  const fs::path sidecar = path.string() + ".posekit.json";
  std::error_code ignored;
  if (fs::is_regular_file(sidecar, ignored)) model["metadata"] = posekit::model_sha256(sidecar);
  return model;
}

bool same_file(const std::string& a, const fs::path& b) {
  if (a == b.string()) return true;
  std::error_code error;
  const fs::path first = fs::weakly_canonical(a, error);
  return !error && first == fs::weakly_canonical(b, error) && !error;
}

/// Whether a result's people have just these boxes.
bool has_boxes(const Json& result, const std::vector<posekit::Box>& boxes) {
  const Json people = at(result, {"instance_info"});
  if (!people.is_array() || people.size() != boxes.size()) return false;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const posekit::Box& box = boxes[i];
    if (at(people[i], {"bbox"}) != Json{box.x1, box.y1, box.x2, box.y2}) return false;
    const Json score = at(people[i], {"bbox_score"});
    if (!score.is_number() || score.get<float>() != box.score) return false;
  }
  return true;
}

}  // namespace

/// All that the numbers of every result depend on. Device, threads and batch are not in it.
const Json& EarlierResults::origin() {
  if (origin_) return *origin_;
  Json people{{"from", options_.whole_image ? "whole image" : boxes_.from_file() ? "boxes" : "detector"}};
  if (!boxes_.any()) {
    const posekit::DetectorOptions& detector = options_.detector;
    const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
    people["model"] = model_of(detector_model(options_));
    people["options"] = {{"score_threshold", or_null(detector.score_threshold)},
                         {"nms_iou", or_null(detector.nms_iou)},
                         {"max_persons", or_null(detector.max_persons)},
                         {"tiles", detector.tiles}};
  }
  const posekit::EstimatorOptions& estimator = options_.estimator;
  origin_ = Json{{"model", model_of(pose_model(options_))},
                 {"people", std::move(people)},
                 {"options",
                  {{"metadata", metadata_of(options_.model.options.metadata)},
                   {"precision", to_string(options_.model.precision)},
                   {"keypoints", estimator.keypoints},
                   {"box_padding", estimator.box_padding ? Json(*estimator.box_padding) : Json(nullptr)},
                   {"flip_test", estimator.flip_test}}}};
  return *origin_;
}

/// What a result of an input says it was made with.
Json EarlierResults::origin_of(const Input& input) {
  Json made_with = origin();
  std::error_code error;
  const std::uintmax_t bytes = input.kind == InputKind::camera ? 0 : fs::file_size(input.path, error);
  made_with["input_bytes"] = error ? 0 : bytes;
  if (options_.draw) made_with["drawing"] = {{"min_score", options_.drawing.min_score}};
  if (input.kind != InputKind::image) {
    made_with["options"]["track"] = options_.track;
    made_with["options"]["detect_every"] = options_.video.detect_every;
  }
  return made_with;
}

std::string EarlierResults::with_origin(std::string json, const Input& input, const Json& video) {
  Json made_with = origin_of(input);
  if (!video.is_null()) made_with["video"] = video;
  json.pop_back();  // the brace
  return json + fmt::format(", \"{}\": {}}}", key, made_with.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string EarlierResults::difference(const Json& first, const Json& last, const Input& input, const Output& output) {
  const Json made_with = origin_of(input);
  const Json& found = last[key];
  const auto differs = [&](const char* part) { return at(found, {part}) != at(made_with, {part}); };
  if (differs("model")) return "another model";
  if (differs("options")) return "other options";
  if (differs("people")) return "another source of boxes";
  if (options_.draw && found.contains("drawing") && differs("drawing")) return "another drawing";
  if (input.kind == InputKind::camera) return {};
  const Json path = at(first, {"image", "path"});
  if (!path.is_string() || !same_file(path.get<std::string>(), input.path)) return "another input";
  std::error_code error;
  const auto input_time = fs::last_write_time(input.path, error);
  if (!error && (differs("input_bytes") || input_time > fs::last_write_time(output.json, error))) return "an input that has changed since";
  const Json width = at(first, {"image", "width"});
  const Json height = at(first, {"image", "height"});
  if (!boxes_.from_file() || !width.is_number_integer() || !height.is_number_integer()) return {};
  const auto boxes = boxes_.of(input.path, {width.get<int>(), height.get<int>()});
  return boxes && !has_boxes(first, *boxes) ? "other boxes" : "";
}

EarlierResults::Earlier EarlierResults::look(const Input& input, const Output& output) {
  std::error_code ignored;
  if (output.json.empty() || options_.overwrite || !fs::exists(output.json, ignored)) return {State::missing, {}};
  const auto [first, last] = ends_of(output.json);
  if (!is_result(first) || !is_result(last)) return {State::foreign, {}};
  if (!last.contains(key)) return {State::different, "an older version of posekit"};
  if (std::string what = difference(first, last, input, output); !what.empty()) return {State::different, std::move(what)};
  const Json problems = at(last, {key, "video", "problems"});
  const bool failed = last.contains("errors") || (problems.is_number() && problems != 0);
  const bool drawn = output.drawing.empty() || (at(last, {key, "drawing"}).is_object() && fs::exists(output.drawing, ignored));
  return {failed || !drawn ? State::missing : State::done, {}};
}

std::optional<Entry> EarlierResults::skip(const Input& input, const Output& output) {
  const Earlier earlier = look(input, output);
  const std::string name = input.path.string();
  const auto failed = [&](const std::string& message) {
    return Entry{Step::failed, {naming(input, message)}, fmt::format("{}: failed", name)};
  };
  switch (earlier.state) {
    case State::missing: return std::nullopt;
    case State::done: return Entry{Step::skipped, {}, fmt::format("{}: done before", name)};
    case State::foreign:
      return failed(
          fmt::format("\"{}\" is not a result of posekit: choose another folder with -o, or pass --overwrite", output.json.string()));
    case State::different: break;
  }
  if (options_.keep)
    return failed(fmt::format("its earlier result was made with {} and is kept: leave --keep out to make it again", earlier.what));
  ++made_again_[earlier.what];
  return std::nullopt;
}

Remarks EarlierResults::remarks() const {
  std::size_t count = 0;
  std::string reasons;
  for (const auto& [what, results] : made_again_) {
    count += results;
    reasons += fmt::format("{}{} ({})", reasons.empty() ? "" : ", ", what, results);
  }
  if (count == 0) return {};
  return {
      {fmt::format("posekit: {} of earlier runs made again, which had been made with {}", counted(count, "result", "results"), reasons)},
      false};
}

}  // namespace cli
