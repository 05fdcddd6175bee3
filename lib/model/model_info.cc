/// Reads model metadata (posekit.json) strictly and fills in defaults.
#include "model/model_info.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "base/embedded_documents.h"
#include "base/strict_json.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_document_bytes = std::size_t{1} << 20;
constexpr int most_pixels = 16384;
constexpr std::string_view pixels = "a whole number from 1 to 16384";
constexpr int largest_kernel = 255;
constexpr std::string_view preset_folder = "presets/";

template <class Value>
using Names = std::vector<std::pair<std::string_view, Value>>;

const Names<Task> tasks{{"pose", Task::pose}, {"detect", Task::detect}};
const Names<ColorOrder> colors{{"rgb", ColorOrder::rgb}, {"bgr", ColorOrder::bgr}};
const Names<Codec> pose_codecs{
    {"udp_heatmap", Codec::udp_heatmap}, {"heatmap", Codec::heatmap}, {"simcc", Codec::simcc}, {"regression", Codec::regression}};
const Names<Codec> detect_codecs{{"boxes_scores", Codec::boxes_scores}};
const Names<Refinement> refinements{{"none", Refinement::none}, {"quarter", Refinement::quarter}, {"dark", Refinement::dark}};
const Names<Interpolation> interpolations{{"bilinear", Interpolation::bilinear}, {"bicubic", Interpolation::bicubic}};
const Names<Dtype> dtypes{{"fp32", Dtype::fp32}, {"fp16", Dtype::fp16}, {"bf16", Dtype::bf16}};
const Names<Resize> resizes{{"letterbox", Resize::letterbox}, {"stretch", Resize::stretch}};
const Names<Pad> pads{{"right_bottom", Pad::right_bottom}, {"center", Pad::center}};
const Names<Alignment> alignments{{"udp", Alignment::udp}, {"classic", Alignment::classic}};

template <class Value>
std::string_view name_of(const Names<Value>& names, Value value) noexcept {
  for (const auto& [name, candidate] : names) {
    if (candidate == value) return name;
  }
  return "unknown";
}

/// A value as JSON text, as ValueOrigin shows it.
template <class Value>
std::string json_text(const Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    return fmt::format("\"{}\"", to_string(value));
  } else if constexpr (std::is_same_v<Value, KeypointSet>) {
    return Json(value.name).dump(-1, ' ', true, Json::error_handler_t::replace);
  } else if constexpr (std::is_same_v<Value, std::size_t>) {
    return value == std::numeric_limits<std::size_t>::max() ? "no limit" : std::to_string(value);
  } else {
    return Json(value).dump(-1, ' ', true, Json::error_handler_t::replace);
  }
}

/// Takes values out of one document, key by key, and notes where each came from.
class Reader {
 public:
  Reader(const Json& document, std::string_view origin, ModelInfo& info) : document_(document), origin_(origin), info_(info) {}

  [[nodiscard]] std::string_view origin() const noexcept { return origin_; }

  [[noreturn]] void fail(std::string_view key, std::string_view found, std::string_view allowed) const {
    throw Error(ErrorCode::invalid_model, fmt::format("metadata ({}): \"{}\" is {}, {} is expected", origin_, key, found, allowed));
  }

  /// Reads a key if it is there, else notes its default. @param read makes the value from JSON, or calls fail
  template <class Value, class Read>
  void optional(std::string_view key, Value& value, Read read) {
    const Json* found = find(key);
    if (found != nullptr) value = read(*found);
    note(key, value, found != nullptr);
  }

  template <class Value, class Read>
  void required(std::string_view key, Value& value, Read read, std::string_view allowed) {
    const Json* found = find(key);
    if (found == nullptr) {
      throw Error(ErrorCode::invalid_model, fmt::format("metadata ({}): \"{}\" is missing, {} is expected", origin_, key, allowed));
    }
    value = read(*found);
    note(key, value, true);
  }

  /// Readers of one kind of value each.
  auto text(std::string_view key) const {
    return [this, key](const Json& value) {
      if (!value.is_string()) fail(key, shown(value), "a string");
      return value.get<std::string>();
    };
  }
  auto number(std::string_view key, double least, double most, std::string_view allowed) const {
    return [=, this](const Json& value) {
      if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < least || value.get<double>() > most) {
        fail(key, shown(value), allowed);
      }
      return value.get<double>();
    };
  }
  auto whole(std::string_view key, std::int64_t least, std::int64_t most, std::string_view allowed) const {
    return [=, this](const Json& value) {
      const bool fits =
          value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most) : value.is_number_integer();
      if (!fits || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most) fail(key, shown(value), allowed);
      return static_cast<int>(value.get<std::int64_t>());
    };
  }
  auto boolean(std::string_view key) const {
    return [this, key](const Json& value) {
      if (!value.is_boolean()) fail(key, shown(value), "true or false");
      return value.get<bool>();
    };
  }
  template <class Value>
  auto one_of(std::string_view key, const Names<Value>& names) const {
    return [this, key, &names](const Json& value) {
      for (const auto& [name, candidate] : names) {
        if (value == name) return candidate;
      }
      fail(key, shown(value), allowed_names(names));
    };
  }
  auto three(std::string_view key, bool zero_allowed) const {
    const std::string_view allowed = zero_allowed ? "an array of three finite numbers" : "an array of three finite numbers other than 0";
    return [=, this](const Json& value) {
      if (!value.is_array() || value.size() != 3) fail(key, shown(value), allowed);
      std::array<double, 3> result{};
      for (std::size_t i = 0; i < 3; ++i) {
        if (!value[i].is_number() || !std::isfinite(value[i].get<double>()) || (!zero_allowed && value[i].get<double>() == 0)) {
          fail(key, shown(value), allowed);
        }
        result[i] = value[i].get<double>();
      }
      return result;
    };
  }

  template <class Value>
  static std::string allowed_names(const Names<Value>& names) {
    std::string text;
    for (const auto& [name, value] : names) text += fmt::format("{}\"{}\"", text.empty() ? "one of " : ", ", name);
    return text;
  }

  /// Notes keys of the document that are not known.
  void note_unknown() {
    for (const auto& [key, value] : document_.items()) {
      const bool is_group = key == "input" || key == "output";
      if (!is_group) {
        note_if_unknown(key);
      } else if (value.is_object()) {
        for (const auto& item : value.items()) note_if_unknown(key + "." + item.key());
      }
    }
  }

 private:
  /// The value of "key" or "group.key"; null if it is not there.
  const Json* find(std::string_view key) const {
    const Json* object = &document_;
    const std::size_t dot = key.find('.');
    if (dot != std::string_view::npos) {
      const auto group = document_.find(key.substr(0, dot));
      if (group == document_.end()) return nullptr;
      if (!group->is_object()) fail(key.substr(0, dot), shown(*group), "an object");
      object = &*group;
      key.remove_prefix(dot + 1);
    }
    const auto found = object->find(key);
    return found == object->end() ? nullptr : &*found;
  }

  template <class Value>
  void note(std::string_view key, const Value& value, bool given) {
    info_.origins.push_back({std::string(key), json_text(value), given ? std::string(origin_) : "default"});
  }

  void note_if_unknown(const std::string& key) {
    if (std::ranges::find(info_.origins, key, &ValueOrigin::key) != info_.origins.end() || key == "format") return;
    info_.notes.push_back(fmt::format("metadata key {} is not known and was ignored", shown(Json(key))));
  }

  const Json& document_;
  std::string_view origin_;
  ModelInfo& info_;
};

void check_format(const Json& document, std::string_view origin) {
  const auto found = document.find("format");
  const std::string allowed = "\"posekit-model/1\" is expected";
  if (found == document.end())
    throw Error(ErrorCode::invalid_model, fmt::format("metadata ({}): \"format\" is missing, {}", origin, allowed));
  if (*found != "posekit-model/1") {
    throw Error(ErrorCode::invalid_model,
                fmt::format("metadata ({}): \"format\" is {}, {}: this version of posekit reads no other", origin, shown(*found), allowed));
  }
}

std::string sha256_of(Reader& reader, const Json& value) {
  std::string sum = reader.text("sha256")(value);
  std::ranges::transform(sum, sum.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  const bool hex = std::ranges::all_of(sum, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (sum.size() != 64 || !hex) reader.fail("sha256", shown(value), "64 hexadecimal digits");
  return sum;
}

Task read_common(Reader& reader, ModelInfo& info) {
  Task task = Task::pose;
  reader.required("task", task, reader.one_of("task", tasks), Reader::allowed_names(tasks));
  reader.optional("name", info.name, reader.text("name"));
  reader.optional("licence", info.licence, reader.text("licence"));
  reader.optional("source", info.source, reader.text("source"));
  reader.optional("sha256", info.sha256, [&](const Json& value) { return sha256_of(reader, value); });
  reader.optional("dtype", info.dtype, reader.one_of("dtype", dtypes));
  reader.required("input.width", info.input.width, reader.whole("input.width", 1, most_pixels, pixels), pixels);
  reader.required("input.height", info.input.height, reader.whole("input.height", 1, most_pixels, pixels), pixels);
  reader.optional("input.color", info.input.color, reader.one_of("input.color", colors));
  reader.optional("input.mean", info.input.mean, reader.three("input.mean", true));
  reader.optional("input.std", info.input.std, reader.three("input.std", false));
  return task;
}

KeypointSet keypoints_of(Reader& reader, const Json& value) {
  try {
    if (value.is_string()) return builtin_keypoint_set(value.get<std::string>());
    if (value.is_object()) return parse_keypoint_set(value.dump(-1, ' ', false, Json::error_handler_t::replace));
  } catch (const Error& error) {
    throw Error(ErrorCode::invalid_model, fmt::format("metadata ({}): \"keypoints\": {}", reader.origin(), error.what()));
  }
  reader.fail("keypoints", shown(value), "the name of a keypoint set, or a set as an object,");
}

int blur_kernel_of(Reader& reader, const Json& value) {
  constexpr std::string_view allowed = "an odd whole number from 1 to 255";
  const int kernel = reader.whole("output.blur_kernel", 1, largest_kernel, allowed)(value);
  if (kernel % 2 == 0) reader.fail("output.blur_kernel", shown(value), allowed);
  return kernel;
}

/// One function a codec: reads what is the codec's own.
OutputInfo read_heatmap(Reader& reader, Codec codec) {
  HeatmapOutput output{.size = {}, .udp = codec == Codec::udp_heatmap};
  reader.required("output.width", output.size.width, reader.whole("output.width", 1, most_pixels, pixels), pixels);
  reader.required("output.height", output.size.height, reader.whole("output.height", 1, most_pixels, pixels), pixels);
  if (!output.udp) {
    output.refinement = Refinement::quarter;
    output.flip_shift = true;
    reader.optional("output.refinement", output.refinement, reader.one_of("output.refinement", refinements));
    reader.optional("flip_shift", output.flip_shift, reader.boolean("flip_shift"));
  }
  if (output.refinement == Refinement::dark) {
    reader.optional("output.blur_kernel", output.blur_kernel, [&](const Json& value) { return blur_kernel_of(reader, value); });
  }
  return output;
}

OutputInfo read_simcc(Reader& reader) {
  SimccOutput output;
  reader.optional("output.split_ratio", output.split_ratio, reader.number("output.split_ratio", 0.01, 100, "a number from 0.01 to 100"));
  return output;
}

OutputInfo read_regression(Reader& reader) {
  RegressionOutput output;
  reader.optional("output.normalized", output.normalized, reader.boolean("output.normalized"));
  return output;
}

OutputInfo read_output(Reader& reader, Codec codec) {
  switch (codec) {
    case Codec::udp_heatmap:
    case Codec::heatmap: return read_heatmap(reader, codec);
    case Codec::simcc: return read_simcc(reader);
    case Codec::regression: return read_regression(reader);
    case Codec::boxes_scores: break;
  }
  return BoxesOutput{};
}

void read_pose(Reader& reader, ModelInfo& info) {
  Codec codec = Codec::udp_heatmap;
  PoseInfo pose;
  reader.required("output.codec", codec, reader.one_of("output.codec", pose_codecs), Reader::allowed_names(pose_codecs));
  reader.optional("input.enlarge", pose.enlarge, reader.one_of("input.enlarge", interpolations));
  reader.optional("box_padding", pose.box_padding, reader.number("box_padding", 0.01, 100, "a number from 0.01 to 100"));
  pose.alignment = codec == Codec::udp_heatmap ? Alignment::udp : Alignment::classic;
  reader.optional("alignment", pose.alignment, reader.one_of("alignment", alignments));
  info.output = read_output(reader, codec);
  reader.required(
      "keypoints", pose.keypoints, [&](const Json& value) { return keypoints_of(reader, value); },
      "the name of a keypoint set, or a set as an object,");
  info.purpose = std::move(pose);
}

void read_detect(Reader& reader, ModelInfo& info) {
  Codec codec = Codec::boxes_scores;
  DetectInfo detect;
  reader.optional("output.codec", codec, reader.one_of("output.codec", detect_codecs));
  reader.optional("input.resize", detect.resize, reader.one_of("input.resize", resizes));
  reader.optional("input.pad", detect.pad, reader.one_of("input.pad", pads));
  reader.optional("input.pad_value", detect.pad_value, reader.whole("input.pad_value", 0, 255, "a grey level from 0 to 255"));
  reader.optional("score_threshold", detect.score_threshold, reader.number("score_threshold", -1e6, 1e6, "a finite number"));
  reader.optional("nms_iou", detect.nms_iou, reader.number("nms_iou", 0, 1, "a number from 0 to 1"));
  reader.optional("person_label", detect.person_label, reader.whole("person_label", 0, 1 << 20, "a label from 0 to 1048576"));
  reader.optional("max_persons", detect.max_persons, [&](const Json& value) {
    return static_cast<std::size_t>(reader.whole("max_persons", 1, 1 << 30, "a whole number > 0")(value));
  });
  info.output = read_output(reader, codec);
  info.purpose = detect;
}

void set_origin(ModelInfo& info, std::string_view key, std::string value) {
  const auto found = std::ranges::find(info.origins, key, &ValueOrigin::key);
  if (found != info.origins.end()) {
    *found = {std::string(key), std::move(value), "option"};
  } else {
    info.origins.push_back({std::string(key), std::move(value), "option"});
  }
}

/// Notes mean and std that look as if they were for values 0..1: pixels are 0..255.
void note_units(ModelInfo& info) {
  const InputInfo& input = info.input;
  const auto within = [](const std::array<double, 3>& values) {
    return std::ranges::all_of(values, [](double value) { return std::abs(value) <= 1; });
  };
  constexpr std::array<double, 3> ones{1, 1, 1};
  constexpr std::array<double, 3> zeros{0, 0, 0};
  const bool mean_is_small = within(input.mean) && input.mean != zeros;
  const bool std_is_small = within(input.std) && (input.std != ones || within(input.mean));  // of old networks: a mean alone is subtracted
  if (!mean_is_small && !std_is_small) return;
  double least = 0;
  double most = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    for (const double pixel : {0.0, 255.0}) {
      least = std::min(least, (pixel - input.mean[i]) / input.std[i]);
      most = std::max(most, (pixel - input.mean[i]) / input.std[i]);
    }
  }
  info.notes.push_back(
      fmt::format("input.{} {} as for pixels of 0..1, but they are 0..255, so the network gets values from {:.1f} to {:.1f}: correct that "
                  "(255 times as much), or keep it if the network takes such values",
                  mean_is_small && std_is_small ? "mean and input.std"
                  : mean_is_small               ? "mean"
                                                : "std",
                  mean_is_small && std_is_small ? "are" : "is", least, most));
}

[[noreturn]] void fail_option(std::string_view what, double value, std::string_view allowed) {
  throw Error(ErrorCode::invalid_argument, fmt::format("{} {} was given, {} is expected", what, value, allowed));
}

}  // namespace

std::string name_of(const std::filesystem::path& model) {
  return Json::parse(Json(model.filename().string()).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

ModelInfo parse_model_info(std::string_view json, std::string_view origin) {
  const ParsedJson parsed = parse_strict_json(json, max_document_bytes);
  if (!parsed.problem.empty()) throw Error(ErrorCode::invalid_model, fmt::format("metadata ({}): the document {}", origin, parsed.problem));
  if (!parsed.value.is_object()) {
    throw Error(ErrorCode::invalid_model,
                fmt::format("metadata ({}): the document is {}, an object is expected", origin, shown(parsed.value)));
  }
  check_format(parsed.value, origin);
  ModelInfo info;
  Reader reader(parsed.value, origin, info);
  if (read_common(reader, info) == Task::pose) {
    read_pose(reader, info);
  } else {
    read_detect(reader, info);
  }
  reader.note_unknown();
  note_units(info);
  return info;
}

std::vector<std::string> model_presets() {
  std::vector<std::string> names;
  for (const EmbeddedDocument& document : embedded_documents()) {
    if (document.name.starts_with(preset_folder)) names.emplace_back(document.name.substr(preset_folder.size()));
  }
  std::ranges::sort(names);
  return names;
}

void override_box_padding(ModelInfo& info, double padding) {
  if (!(padding > 0) || !std::isfinite(padding)) fail_option("box padding", padding, "a finite number > 0");
  info.pose().box_padding = padding;
  set_origin(info, "box_padding", fmt::format("{}", padding));
}

void override_score_threshold(ModelInfo& info, double threshold) {
  if (!std::isfinite(threshold)) fail_option("detection score threshold", threshold, "a finite number");
  info.detect().score_threshold = threshold;
  set_origin(info, "score_threshold", fmt::format("{}", threshold));
}

void override_nms_iou(ModelInfo& info, double iou) {
  if (!(iou >= 0 && iou <= 1)) fail_option("NMS IoU", iou, "a number from 0 to 1");
  info.detect().nms_iou = iou;
  set_origin(info, "nms_iou", fmt::format("{}", iou));
}

void override_max_persons(ModelInfo& info, std::size_t persons) {
  if (persons == 0) fail_option("max_persons", 0, "a whole number > 0");
  info.detect().max_persons = persons;
  set_origin(info, "max_persons", fmt::format("{}", persons));
}

std::string_view to_string(Task value) noexcept { return name_of(tasks, value); }
std::string_view to_string(ColorOrder value) noexcept { return name_of(colors, value); }
std::string_view to_string(Codec value) noexcept { return name_of(value == Codec::boxes_scores ? detect_codecs : pose_codecs, value); }
std::string_view to_string(Refinement value) noexcept { return name_of(refinements, value); }
std::string_view to_string(Interpolation value) noexcept { return name_of(interpolations, value); }
std::string_view to_string(Dtype value) noexcept { return name_of(dtypes, value); }
std::string_view to_string(Resize value) noexcept { return name_of(resizes, value); }
std::string_view to_string(Pad value) noexcept { return name_of(pads, value); }
std::string_view to_string(Alignment value) noexcept { return name_of(alignments, value); }

Codec codec_of(const OutputInfo& output) noexcept {
  struct Name {
    Codec operator()(const HeatmapOutput& heatmap) const noexcept { return heatmap.udp ? Codec::udp_heatmap : Codec::heatmap; }
    Codec operator()(const SimccOutput&) const noexcept { return Codec::simcc; }
    Codec operator()(const RegressionOutput&) const noexcept { return Codec::regression; }
    Codec operator()(const BoxesOutput&) const noexcept { return Codec::boxes_scores; }
  };
  return std::visit(Name{}, output);
}

}  // namespace posekit::inline v0
