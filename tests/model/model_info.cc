/// Metadata documents: what is read, what is refused and how, presets, overrides.
#include "model/model_info.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include "model/metadata_source.h"
#include "posekit/error.h"
#include "support/fails_with.h"
#include "support/paths.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::check_message_form;
using posekit_test::fails_with;

namespace {

/// A complete pose document in which one piece of text is replaced.
std::string with(const std::string& from, const std::string& to) {
  std::string text = R"({"format": "posekit-model/1", "task": "pose", "input": {"width": 192, "height": 256}, )"
                     R"("output": {"codec": "heatmap", "width": 48, "height": 64}, "keypoints": "coco17"})";
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string detector(const std::string& more = "") {
  return R"({"format": "posekit-model/1", "task": "detect", "input": {"width": 300, "height": 300}, "output": {})" + more + "}";
}

std::string message_of(const std::string& json) {
  try {
    (void)parse_model_info(json, "test");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_model);
    return error.what();
  }
  return "no error";
}

const HeatmapOutput& heatmap_of(const ModelInfo& info) { return std::get<HeatmapOutput>(info.output); }

std::string origin_of(const ModelInfo& info, const std::string& key) {
  const auto found = std::ranges::find(info.origins, key, &ValueOrigin::key);
  return found == info.origins.end() ? "none" : found->origin + " " + found->value;
}

}  // namespace

TEST_CASE("A minimal document gets defaults, with their origin") {
  const ModelInfo info = parse_model_info(with("pose", "pose"), "archive");
  CHECK(info.task() == Task::pose);
  CHECK(info.input.color == ColorOrder::rgb);
  CHECK(info.input.mean == std::array<double, 3>{0, 0, 0});
  CHECK(info.input.std == std::array<double, 3>{255, 255, 255});
  CHECK(info.pose().box_padding == 1.25);
  CHECK(info.pose().alignment == Alignment::classic);
  CHECK(heatmap_of(info).refinement == Refinement::quarter);
  CHECK(heatmap_of(info).flip_shift);
  CHECK(info.pose().keypoints.size() == 17);
  CHECK(origin_of(info, "input.width") == "archive 192");
  CHECK(origin_of(info, "box_padding") == "default 1.25");
  CHECK(origin_of(info, "output.refinement") == "default \"quarter\"");
  CHECK(info.notes.empty());

  const ModelInfo udp = parse_model_info(with("\"heatmap\"", "\"udp_heatmap\""), "archive");
  CHECK(udp.pose().alignment == Alignment::udp);
  CHECK(heatmap_of(udp).refinement == Refinement::dark);
  CHECK(heatmap_of(udp).blur_kernel == 11);

  const ModelInfo found = parse_model_info(detector(), "archive");
  CHECK(found.detect().resize == Resize::letterbox);
  CHECK(found.detect().pad == Pad::right_bottom);
  CHECK(found.detect().pad_value == 114);
  CHECK(found.detect().score_threshold == 0.3);
  CHECK(found.detect().nms_iou == 0.5);
  CHECK(found.detect().max_persons == std::numeric_limits<std::size_t>::max());
}

TEST_CASE("Given values replace defaults") {
  const ModelInfo info =
      parse_model_info(with("\"keypoints\"", R"("alignment": "udp", "box_padding": 1.1, "flip_shift": false, "keypoints")"), "test");
  CHECK(info.pose().alignment == Alignment::udp);
  CHECK(info.pose().box_padding == 1.1);
  CHECK_FALSE(heatmap_of(info).flip_shift);
  const ModelInfo simcc = parse_model_info(with(R"("heatmap", "width": 48, "height": 64)", R"("simcc", "split_ratio": 3)"), "test");
  CHECK(std::get<SimccOutput>(simcc.output).split_ratio == 3);
  const ModelInfo regression =
      parse_model_info(with(R"("heatmap", "width": 48, "height": 64)", R"("regression", "normalized": true)"), "test");
  CHECK(std::get<RegressionOutput>(regression.output).normalized);
  const ModelInfo own = parse_model_info(with("\"coco17\"", R"({"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]})"), "test");
  CHECK(own.pose().keypoints.name == "two");
  const ModelInfo found =
      parse_model_info(detector(R"(, "score_threshold": 0.5, "nms_iou": 0.7, "person_label": 1, "max_persons": 3)"), "test");
  CHECK(found.detect().score_threshold == 0.5);
  CHECK(found.detect().max_persons == 3);
}

TEST_CASE("An unknown key is ignored with a note") {
  const ModelInfo info = parse_model_info(with("\"width\": 192", "\"width\": 192, \"colour\": 1"), "test");
  REQUIRE(info.notes.size() == 1);
  CHECK_THAT(info.notes[0], ContainsSubstring("input.colour"));
}

TEST_CASE("Mean and std that are as for pixels of 0..1 are noted, with what the network gets") {
  const auto [input, named, range] = GENERATE(table<std::string, std::string, std::string>({
      {R"("mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225])", "input.mean and input.std are", "from -2.1 to 1136.4"},
      {R"("mean": [0, 0, 0], "std": [1, 1, 1])", "input.std is", "from 0.0 to 255.0"},
      {R"("mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5])", "input.mean and input.std are", "from -1.0 to 509.0"},
      {R"("mean": [123.675, 116.28, 103.53], "std": [0.229, 0.224, 0.225])", "input.std is", "from -540.1 to 673.2"},
      {R"("mean": [0.485, 0.456, 0.406])", "input.mean is", "from -0.0 to 1.0"},
  }));
  const std::string to = "\"width\": 192, " + input;
  const ModelInfo info = parse_model_info(with("\"width\": 192", to), "test");
  REQUIRE(info.notes.size() == 1);
  CHECK_THAT(info.notes[0], ContainsSubstring(named) && ContainsSubstring(range));
  check_message_form(info.notes[0], "input.", range);
}

TEST_CASE("Mean and std in units of 0..255 are not noted, nor a mean alone") {
  const std::string input =
      GENERATE(R"("mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375])", R"("mean": [0, 0, 0], "std": [255, 255, 255])",
               R"("mean": [103.939, 116.779, 123.68], "std": [1, 1, 1])", R"("mean": [127.5, 127.5, 127.5], "std": [127.5, 127.5, 127.5])");
  CHECK(parse_model_info(with("\"width\": 192", "\"width\": 192, " + input), "test").notes.empty());
  CHECK(parse_model_info(detector(), "test").notes.empty());
}

TEST_CASE("A wrong document is refused with the key, the value found and the values allowed") {
  const auto [json, key, allowed] = GENERATE(table<std::string, std::string, std::string>({
      {"", "not valid JSON", ""},
      {"{", "not valid JSON", ""},
      {"[1]", "[1]", "object"},
      {"null", "null", "object"},
      {std::string(2 << 20, ' '), "bytes", "allowed"},
      {std::string(5000, '[') + std::string(5000, ']'), "nested", "levels"},
      {"{\"format\": \"\xff\"}", "not valid JSON", ""},
      {with("\"format\": \"posekit-model/1\", ", ""), "\"format\" is missing", "posekit-model/1"},
      {with("posekit-model/1", "posekit-model/2"), "posekit-model/2", "posekit-model/1"},
      {with("\"posekit-model/1\"", "1"), "\"format\" is 1", "posekit-model/1"},
      {with("\"task\": \"pose\", ", ""), "\"task\" is missing", "\"detect\""},
      {with("\"pose\"", "\"segment\""), "\"task\" is \"segment\"", "\"pose\", \"detect\""},
      {with("\"pose\"", "true"), "\"task\" is true", "\"pose\""},
      {with("\"task\": \"pose\"", "\"task\": \"pose\", \"task\": \"pose\""), "\"task\" twice", ""},
      {with("\"width\": 192, ", ""), "\"input.width\" is missing", "16384"},
      {with("192", "0"), "\"input.width\" is 0", "1 to 16384"},
      {with("192", "-5"), "\"input.width\" is -5", "1 to 16384"},
      {with("192", "16385"), "\"input.width\" is 16385", "1 to 16384"},
      {with("192", "192.5"), "\"input.width\" is 192.5", "whole number"},
      {with("192", "\"192\""), "\"input.width\" is \"192\"", "whole number"},
      {with("192", "18446744073709551615"), "\"input.width\" is 18446744073709551615", "whole number"},
      {with("192", "1e400"), "out of range", ""},
      {with("{\"width\": 192, \"height\": 256}", "[192, 256]"), "\"input\" is [192,256]", "object"},
      {with("\"height\": 256", "\"height\": 256, \"color\": \"gray\""), "\"input.color\" is \"gray\"", "\"rgb\", \"bgr\""},
      {with("\"height\": 256", "\"height\": 256, \"mean\": 128"), "\"input.mean\" is 128", "three"},
      {with("\"height\": 256", "\"height\": 256, \"mean\": [1, 2]"), "\"input.mean\" is [1,2]", "three"},
      {with("\"height\": 256", "\"height\": 256, \"std\": [1, 0, 1]"), "\"input.std\" is [1,0,1]", "other than 0"},
      {with("\"height\": 256", "\"height\": 256, \"std\": [1, null, 1]"), "\"input.std\"", "finite"},
      {with("\"codec\": \"heatmap\", ", ""), "\"output.codec\" is missing", "\"simcc\""},
      {with("\"heatmap\"", "\"yolo\""), "\"output.codec\" is \"yolo\"", "\"udp_heatmap\""},
      {with("\"heatmap\"", "\"boxes_scores\""), "\"output.codec\" is \"boxes_scores\"", "\"heatmap\""},
      {with("\"width\": 48, ", ""), "\"output.width\" is missing", "16384"},
      {with("48", "0"), "\"output.width\" is 0", "1 to 16384"},
      {with("\"height\": 64", "\"height\": 64, \"refinement\": \"best\""), "\"output.refinement\" is \"best\"", "\"quarter\""},
      {with("\"height\": 64", "\"height\": 64, \"refinement\": \"dark\", \"blur_kernel\": 4"), "\"output.blur_kernel\" is 4", "odd"},
      {with("\"height\": 64", "\"height\": 64, \"refinement\": \"dark\", \"blur_kernel\": 257"), "\"output.blur_kernel\" is 257", "255"},
      {with("\"keypoints\": \"coco17\"", "\"other\": 1"), "\"keypoints\" is missing", "set"},
      {with("\"coco17\"", "\"coco18\""), "coco18", "coco17"},
      {with("\"coco17\"", "17"), "\"keypoints\" is 17", "name of a keypoint set"},
      {with("\"coco17\"", "{\"name\": \"x\"}"), "\"keypoints\"", "is missing"},
      {with("\"keypoints\"", "\"box_padding\": 0, \"keypoints\""), "\"box_padding\" is 0", "number"},
      {with("\"keypoints\"", "\"alignment\": \"half\", \"keypoints\""), "\"alignment\" is \"half\"", "\"udp\", \"classic\""},
      {with("\"keypoints\"", "\"flip_shift\": 1, \"keypoints\""), "\"flip_shift\" is 1", "true or false"},
      {with("\"keypoints\"", "\"sha256\": \"12\", \"keypoints\""), "\"sha256\" is \"12\"", "64 hexadecimal"},
      {with("\"keypoints\"", "\"name\": 5, \"keypoints\""), "\"name\" is 5", "string"},
      {with(R"("heatmap", "width": 48, "height": 64)", R"("simcc", "split_ratio": 0)"), "\"output.split_ratio\" is 0", "number"},
      {with(R"("heatmap", "width": 48, "height": 64)", R"("regression", "normalized": "yes")"), "\"output.normalized\" is \"yes\"",
       "true or false"},
      {detector(R"(, "nms_iou": 1.5)"), "\"nms_iou\" is 1.5", "0 to 1"},
      {detector(R"(, "max_persons": 0)"), "\"max_persons\" is 0", "> 0"},
      {detector(R"(, "score_threshold": "low")"), "\"score_threshold\" is \"low\"", "number"},
  }));
  INFO(json.substr(0, 300));
  const std::string message = message_of(json);
  CHECK_THAT(message, ContainsSubstring(allowed));
  check_message_form(message, "metadata (test)", key);
}

TEST_CASE("Presets are what their families publish: input, output and keypoints") {
  struct Preset {
    std::string name;
    Size input;
    Codec codec;
    Size heatmap;
    std::size_t keypoints;
    Interpolation enlarge = Interpolation::bilinear;
  };
  const std::vector<Preset> presets{
      {"hrnet-coco17", {192, 256}, Codec::heatmap, {48, 64}, 17},
      {"rtmpose-coco17", {192, 256}, Codec::simcc, {}, 17},
      {"rtmpose-wholebody133", {192, 256}, Codec::simcc, {}, 133},
      {"sapiens-coco133", {768, 1024}, Codec::udp_heatmap, {192, 256}, 133},
      {"sapiens-coco17", {768, 1024}, Codec::udp_heatmap, {192, 256}, 17},
      {"sapiens-goliath308", {768, 1024}, Codec::udp_heatmap, {192, 256}, 308},
      {"sapiens2-308", {768, 1024}, Codec::udp_heatmap, {192, 256}, 308, Interpolation::bicubic},
      {"vitpose-coco17", {192, 256}, Codec::udp_heatmap, {48, 64}, 17},
  };
  std::vector<std::string> names;
  for (const Preset& preset : presets) {
    names.push_back(preset.name);
    INFO(preset.name);
    ModelOptions options;
    options.metadata = MetadataPreset{preset.name};
    const ModelInfo info = find_metadata(std::filesystem::path("model.pt"), options).value();
    CHECK(info.notes.empty());
    CHECK(info.name == preset.name);
    CHECK(info.input.size() == preset.input);
    CHECK(info.input.color == ColorOrder::rgb);
    CHECK(info.input.mean == std::array<double, 3>{123.675, 116.28, 103.53});
    CHECK(info.input.std == std::array<double, 3>{58.395, 57.12, 57.375});
    CHECK(info.dtype == Dtype::fp32);
    REQUIRE(codec_of(info.output) == preset.codec);
    if (preset.codec == Codec::simcc) {
      CHECK(std::get<SimccOutput>(info.output).split_ratio == 2);
    } else {
      CHECK(heatmap_of(info).size == preset.heatmap);
      CHECK(heatmap_of(info).refinement == (preset.codec == Codec::heatmap ? Refinement::quarter : Refinement::dark));
      CHECK(heatmap_of(info).flip_shift == (preset.codec == Codec::heatmap));
      CHECK(heatmap_of(info).blur_kernel == 11);
    }
    CHECK(info.pose().alignment == (preset.codec == Codec::udp_heatmap ? Alignment::udp : Alignment::classic));
    CHECK(info.pose().box_padding == 1.25);
    CHECK(info.pose().enlarge == preset.enlarge);
    CHECK(info.pose().keypoints.size() == preset.keypoints);
  }
  CHECK(model_presets() == names);
}

TEST_CASE("A model without metadata is reported with the presets that fit its weights, or with all") {
  const auto message = [](std::optional<std::size_t> channels) {
    try {
      fail_without_metadata(std::filesystem::path("m.pt"), channels);
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  const std::string of_308 = message(308);
  CHECK_THAT(of_308, ContainsSubstring("sapiens-goliath308, sapiens2-308") && !ContainsSubstring("coco17"));
  CHECK_THAT(message(17), ContainsSubstring("hrnet-coco17, rtmpose-coco17, sapiens-coco17, vitpose-coco17"));
  CHECK_THAT(message({}), ContainsSubstring("rtmpose-wholebody133") && ContainsSubstring("sapiens2-308"));
  CHECK(message(21) == message({}));
  for (const auto channels : {std::optional<std::size_t>(308), std::optional<std::size_t>(17), std::optional<std::size_t>()}) {
    check_message_form(message(channels), "m.pt", "posekit.json");
  }
}

TEST_CASE("The type of a file and the way crops are enlarged are read, kept and checked") {
  const ModelInfo info = parse_model_info(
      R"({"format": "posekit-model/1", "task": "pose", "dtype": "bf16", "input": {"width": 8, "height": 8, "enlarge": "bicubic"},
          "output": {"codec": "simcc"}, "keypoints": "coco17"})",
      "test");
  CHECK(info.notes.empty());
  CHECK(info.dtype == Dtype::bf16);
  CHECK(info.pose().enlarge == Interpolation::bicubic);
  const ModelInfo again = parse_model_info(to_json(info), "again");
  CHECK((again.dtype == Dtype::bf16 && again.pose().enlarge == Interpolation::bicubic && again.notes.empty()));
  const ModelInfo plain = parse_model_info(with("pose", "pose"), "test");
  CHECK((plain.dtype == Dtype::fp32 && plain.pose().enlarge == Interpolation::bilinear));
  const std::string wrong_type = message_of(with("\"task\"", R"("dtype": "float16", "task")"));
  CHECK_THAT(wrong_type, ContainsSubstring("\"fp32\", \"fp16\", \"bf16\""));
  check_message_form(wrong_type, "metadata (test)", R"("dtype" is "float16")");
  const std::string wrong_way = message_of(with("\"width\"", R"("enlarge": "lanczos", "width")"));
  CHECK_THAT(wrong_way, ContainsSubstring("\"bilinear\", \"bicubic\""));
  check_message_form(wrong_way, "metadata (test)", R"("input.enlarge" is "lanczos")");
}

TEST_CASE("Given metadata comes before the sidecar, and a missing source is named") {
  const posekit_test::TemporaryDir dir;
  const auto model = dir.path() / "pose.pt";
  CHECK_FALSE(find_metadata(model, {}).has_value());
  std::ofstream(dir.path() / "pose.pt.posekit.json") << with("\"task\"", "\"name\": \"beside\", \"task\"");
  CHECK(find_metadata(model, {})->name == "beside");
  ModelOptions options;
  options.metadata = MetadataDocument{with("\"task\"", "\"name\": \"given\", \"task\"")};
  CHECK(find_metadata(model, options)->name == "given");
  options.metadata = MetadataFile{dir.path() / "pose.pt.posekit.json"};
  CHECK(find_metadata(model, options)->name == "beside");
  options.metadata = MetadataFile{dir.path() / "missing.json"};
  fails_with([&] { return find_metadata(model, options); }, "metadata file", "missing.json");
  options.metadata = MetadataFile{dir.path()};
  fails_with([&] { return find_metadata(model, options); }, "metadata file", "regular file");
  options.metadata = MetadataPreset{"sapiens"};
  CHECK_THROWS_WITH(find_metadata(model, options), ContainsSubstring("sapiens-coco17"));
  fails_with([&] { return find_metadata(model, options); }, "metadata preset", "\"sapiens\"");
}

TEST_CASE("Overrides check their value and become its origin") {
  ModelInfo info = parse_model_info(with("pose", "pose"), "archive");
  override_box_padding(info, 1.5);
  CHECK(info.pose().box_padding == 1.5);
  CHECK(origin_of(info, "box_padding") == "option 1.5");
  fails_with([&] { override_box_padding(info, 0); }, "box padding", "0");
  fails_with([&] { override_box_padding(info, std::nan("")); }, "box padding", "nan");
  fails_with([&] { override_score_threshold(info, HUGE_VAL); }, "score threshold", "inf");
  fails_with([&] { override_nms_iou(info, 1.01); }, "NMS IoU", "1.01");
  fails_with([&] { override_max_persons(info, 0); }, "max_persons", "0");
}

TEST_CASE("Metadata read back from JSON unchanged") {
  const std::string own = R"({"name": "mine", "provenance": "here", "keypoints": [{"name": "left", "swap": 1}, {"name": "right", "swap": 0},
      {"name": "tail"}], "links": [[0, 2], [1, 2]], "sigmas": [0.1, 0.2, 0.3], "subsets": {"sides": [1, 0]}})";
  const std::string document = GENERATE_COPY(
      R"({"format": "posekit-model/1", "task": "pose", "name": "m", "input": {"width": 192, "height": 256, "mean": [1.5, 2, 3]},
          "output": {"codec": "heatmap", "width": 48, "height": 64, "refinement": "dark", "blur_kernel": 7}, "box_padding": 1.1,
          "keypoints": )" +
          own + "}",
      std::string(R"({"format": "posekit-model/1", "task": "pose", "input": {"width": 8, "height": 8}, "output": {"codec": "simcc"},
          "keypoints": "coco17"})"),
      std::string(R"({"format": "posekit-model/1", "task": "detect", "input": {"width": 320, "height": 320, "pad": "center"},
          "nms_iou": 0.25})"));
  const ModelInfo info = parse_model_info(document, "test");
  const ModelInfo again = parse_model_info(to_json(info), "again");
  CHECK(again.notes.empty());
  CHECK(again.name == info.name);
  CHECK(again.input.mean == info.input.mean);
  REQUIRE(again.task() == info.task());
  REQUIRE(codec_of(again.output) == codec_of(info.output));
  if (const auto* heatmap = std::get_if<HeatmapOutput>(&info.output)) CHECK(heatmap_of(again).blur_kernel == heatmap->blur_kernel);
  if (info.task() == Task::pose) {
    CHECK(again.pose().keypoints == info.pose().keypoints);
    CHECK(again.pose().box_padding == info.pose().box_padding);
  } else {
    CHECK(again.detect().pad == info.detect().pad);
    CHECK(again.detect().nms_iou == info.detect().nms_iou);
    CHECK(again.detect().max_persons == info.detect().max_persons);
  }
  REQUIRE(again.origins.size() == info.origins.size());
  for (std::size_t i = 0; i < info.origins.size(); ++i) CHECK(again.origins[i].value == info.origins[i].value);
}
