/// What an earlier run left.
#include "earlier_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <variant>

#include "crops.h"
#include "models.h"
#include "posekit/error.h"
#include "posekit/model_report.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* key = "made_with";
constexpr std::size_t most_document_bytes = std::size_t{1} << 28;

/// Where the last line of a file begins: behind the last line break but the one that ends the file.
std::streamoff last_line_of(std::istream& stream, std::streamoff size) {
  std::array<char, 4096> block;
  for (std::streamoff end = size - 1; end > 0;) {
    const std::streamoff begin = std::max<std::streamoff>(0, end - static_cast<std::streamoff>(block.size()));
    stream.seekg(begin);
    stream.read(block.data(), end - begin);
    const auto last = std::reverse_iterator(block.begin() + (end - begin));
    const auto found = std::find(last, block.rend(), '\n');
    if (found != block.rend()) return begin + (found.base() - block.begin());
    end = begin;
  }
  return 0;
}

/// The first and the last document of a result file, and where the last begins. @return discarded values if they are no JSON
struct Ends {
  Json first = Json(Json::value_t::discarded);
  Json last = first;
  std::streamoff last_begin = 0;
};

Ends ends_of(const fs::path& file, bool is_video) {
  Ends ends;
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream.tellg();
  if (size <= 1) return ends;
  if (is_video) ends.last_begin = last_line_of(stream, size);
  const auto read = [&](std::streamoff begin) {
    stream.clear();
    stream.seekg(begin);
    std::string text;
    for (char c; text.size() < most_document_bytes && stream.get(c) && !(is_video && c == '\n');) text += c;
    return Json::parse(text, nullptr, false);
  };
  ends.last = read(ends.last_begin);
  ends.first = ends.last_begin == 0 ? ends.last : read(0);
  return ends;
}

/// The value at the end of a way of keys; null where there is none.
const Json& at(const Json& value, std::initializer_list<const char*> keys) {
  static const Json nothing;
  const Json* found = &value;
  for (const char* name : keys) {
    if (!found->is_object() || !found->contains(name)) return nothing;
    found = &(*found)[name];
  }
  return *found;
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

/// Whether a result's people have just these boxes.
bool has_boxes(const Json& result, const std::vector<posekit::Box>& boxes) {
  const Json& people = at(result, {"instance_info"});
  if (!people.is_array() || people.size() != boxes.size()) return false;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const posekit::Box& box = boxes[i];
    if (at(people[i], {"bbox"}) != Json{box.x1, box.y1, box.x2, box.y2}) return false;
    const Json& score = at(people[i], {"bbox_score"});
    if (!score.is_number() || score.get<float>() != box.score) return false;
  }
  return true;
}

}  // namespace

InputState state_of(const Input& input) {
  if (input.kind == InputKind::camera) return {};
  std::error_code error;
  InputState state{.path = fs::weakly_canonical(input.path, error).string(), .bytes = fs::file_size(input.path, error), .modified_ns = 0};
  const auto modified = fs::last_write_time(input.path, error);
  state.modified_ns = std::chrono::nanoseconds(std::chrono::file_clock::to_sys(modified).time_since_epoch()).count();
  return error ? InputState{} : state;
}

/// All that the numbers of every result depend on. Device, threads and batch are not in it.
void EarlierResults::prepare() {
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
}

/// What a result of an input says it was made with.
Json EarlierResults::origin_of(const Input& input, const InputState& state) const {
  Json made_with = origin_;
  made_with["input"] = {{"path", valid_utf8(state.path)}, {"bytes", state.bytes}, {"modified_ns", state.modified_ns}};
  if (options_.draw) made_with["drawing"] = {{"min_score", options_.drawing.min_score}};
  if (input.kind != InputKind::image) {
    made_with["options"]["track"] = options_.track;
    made_with["options"]["detect_every"] = options_.video.detect_every;
  }
  return made_with;
}

std::string EarlierResults::with_origin(std::string json, const Input& input, const InputState& state, const Json& video,
                                        const Json& crops) const {
  Json made_with = origin_of(input, state);
  if (!video.is_null()) made_with["video"] = video;
  if (!crops.is_null()) made_with["crops"] = crops;
  json.pop_back();  // the brace
  return json + fmt::format(", \"{}\": {}}}", key, made_with.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// Boxes of a file are compared one by one. @return what is different, empty if nothing is
std::string EarlierResults::other_boxes(const Json& first, const Input& input) const {
  const Json& width = at(first, {"image", "width"});
  const Json& height = at(first, {"image", "height"});
  if (!boxes_.from_file() || !width.is_number_integer() || !height.is_number_integer()) return {};
  bool same = false;
  const auto failure = failure_of([&] {
    const auto boxes = boxes_.of(input.path, {width.get<int>(), height.get<int>()});
    same = boxes && has_boxes(first, *boxes);
  });
  return failure || !same ? "other boxes" : "";
}

EarlierResults::Earlier EarlierResults::compare(const Json& first, const Json& last, const Input& input) const {
  const Json& found = at(last, {key});
  const bool has_drawing = at(found, {"drawing"}).is_object();
  const auto different = [&](const std::string& what) { return Earlier{State::different, what, has_drawing}; };
  if (input.kind == InputKind::camera) return {State::foreign, "is an earlier recording", has_drawing};
  if (!found.is_object()) return different("what it does not say");
  const InputState state = state_of(input);
  const Json made_with = origin_of(input, state);
  const Json& earlier_path = at(found, {"input", "path"});
  std::error_code ignored;
  if (!state.path.empty() && earlier_path != at(made_with, {"input", "path"})) {
    if (!earlier_path.is_string() || !fs::exists(earlier_path.get<std::string>(), ignored)) return different("another input");
    return {State::foreign, fmt::format("is the result of \"{}\"", earlier_path.get<std::string>()), has_drawing};
  }
  const Json& problems = at(found, {"video", "problems"});
  if (last.contains("errors") || (problems.is_number() && problems != 0) || state.path.empty()) return {State::missing, {}, has_drawing};
  const auto differs = [&](const char* part) { return at(found, {part}) != at(made_with, {part}); };
  if (differs("model")) return different("another model");
  if (differs("options")) return different("other options");
  if (differs("people")) return different("another source of boxes");
  if (differs("input")) return different("an input that has changed since");
  if (std::string what = other_boxes(first, input); !what.empty()) return different(what);
  if (options_.draw && has_drawing && differs("drawing")) return different("another drawing");
  return {options_.draw && !has_drawing ? State::missing : State::done, {}, has_drawing};
}

EarlierResults::Earlier EarlierResults::look(const Input& input, const Output& output) const {
  std::error_code ignored;
  Earlier earlier;
  const bool is_video = input.kind != InputKind::image;
  if (!output.result.empty() && fs::exists(output.result, ignored)) {
    if (options_.format != Format::json) return {State::foreign, fmt::format("\"{}\" is there already", output.result.string()), false, {}};
    const auto [first, last, last_begin] = ends_of(output.result, is_video);
    if (!is_result(first) || !is_result(last))
      return {State::foreign, fmt::format("\"{}\" is not a result of posekit", output.result.string()), false};
    earlier = compare(first, last, input);
    if (earlier.state == State::foreign) earlier.what = fmt::format("\"{}\" {}", output.result.string(), earlier.what);
    const Json& offset = at(last, {key, "video", "offset"});
    if (earlier.state == State::done && is_video && offset != last_begin) earlier.state = State::missing;  // lines are missing
    if (const Json& crops = at(last, {key, "crops"}); crops.is_number_unsigned()) earlier.crops = crops.get<std::size_t>();
    if (earlier.state == State::done && !output.crops.empty() && earlier.crops != crops_in(output.crops)) earlier.state = State::missing;
  }
  if (options_.format != Format::json && !output.crops.empty() && crops_in(output.crops) > 0)
    return {State::foreign, fmt::format("\"{}\" has crops already", output.crops.string()), false, {}};
  if (output.drawing.empty() || earlier.state == State::foreign) return earlier;
  const bool is_drawn = fs::exists(output.drawing, ignored) && fs::file_size(output.drawing, ignored) > 0;
  if (is_drawn && !earlier.has_drawing)
    return {State::foreign, fmt::format("\"{}\" is not a drawing of its result", output.drawing.string()), false};
  if (!is_drawn && earlier.state == State::done) earlier.state = State::missing;
  return earlier;
}

std::optional<Entry> EarlierResults::skip(const Input& input, const Output& output, Replaced& replaced) const {
  Earlier earlier = look(input, output);
  if (options_.overwrite) earlier.state = State::missing;
  const std::string name = input.path.string();
  const auto failed = [&](const std::string& message) {
    return Entry{Step::failed, {naming(input, message)}, fmt::format("{}: failed", name)};
  };
  if (earlier.state == State::done) return Entry{Step::skipped, {}, fmt::format("{}: done before", name)};
  if (earlier.state == State::foreign) return failed(earlier.what + ": choose another folder with -o, or pass --overwrite");
  if (earlier.state == State::different && options_.keep)
    return failed(fmt::format("its earlier result was made with {} and is kept: leave --keep out to make it again", earlier.what));
  if (earlier.state == State::different) replaced.made_with = earlier.what;
  const fs::path base = fs::path(output.result).replace_extension();
  if (earlier.has_drawing) replaced.drawing = fs::path(base).concat(drawing_suffix(input.kind));
  if (earlier.crops) replaced.crops = fs::path(base).concat(crops_suffix);
  return std::nullopt;
}

void EarlierResults::replace(const Replaced& replaced) {
  if (!replaced.made_with.empty()) ++made_again_[replaced.made_with];
  std::error_code ignored;
  if (!replaced.drawing.empty()) fs::remove(replaced.drawing, ignored);
  if (!replaced.crops.empty()) remove_crops(replaced.crops);
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
