/// The line with the speed that closes a run.
#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <map>
#include <regex>

#include "support/videos.h"
#include "workplace.h"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using posekit_test::Workplace;

namespace {

/// The closing line, and the numbers before each of its units: {"images": 3, "s:": 0.2, "images/s": 15, ...}.
struct SpeedLine {
  std::string text;
  std::map<std::string, double> values;
  std::map<std::string, double> stages;  ///< Milliseconds.
};

SpeedLine speed_line(const std::string& err) {
  SpeedLine found;
  for (const std::string& line : posekit_test::lines(err)) {
    if (line.find("/s; ") != std::string::npos) found.text = line;
  }
  const std::size_t stages = std::min(found.text.find("; "), found.text.size());
  const std::string values = found.text.substr(0, stages);
  const std::string times = found.text.substr(stages);
  const std::regex value(R"((\d+(?:\.\d+)?) ([^ ,]+))");
  for (std::sregex_iterator match(values.begin(), values.end(), value), end; match != end; ++match)
    found.values[(*match)[2]] = std::stod((*match)[1]);
  const std::regex stage(R"((\w+) (\d+\.\d) ms)");
  for (std::sregex_iterator match(times.begin(), times.end(), stage), end; match != end; ++match)
    found.stages[(*match)[1]] = std::stod((*match)[2]);
  return found;
}

/// Checks a line's stages against the means of the times that results have.
void check_stages(const SpeedLine& line, const std::vector<json>& results) {
  for (const auto& [stage, key] : std::map<std::string, std::string>{
           {"read", "decode"}, {"detect", "detect"}, {"crop", "preprocess"}, {"forward", "inference"}, {"decode", "postprocess"}}) {
    double sum = 0;
    for (const json& result : results) sum += result["timings_ms"][key].get<double>();
    CAPTURE(line.text, stage);
    CHECK(line.stages.contains(stage) == (sum > 0));
    if (sum > 0) CHECK(line.stages.at(stage) == Approx(sum / static_cast<double>(results.size())).margin(0.0501));
  }
}

}  // namespace

TEST_CASE("The closing line counts images and people, and has the mean of the times in the results") {
  const Workplace here;
  here.text("broken.png", "no image");
  here.image("a.png", 640, 480);
  here.image("b.png", 64, 48);
  here.image("c.png", 320, 240);
  here.text("boxes.json", R"({"a.png": [[0, 0, 40, 40], [0, 0, 20, 40]], "b.png": [[0, 0, 40, 40]], "c.png": [], "broken.png": []})");
  const auto result = here.estimate({"a.png", "b.png", "broken.png", "c.png", "--boxes", "boxes.json"});
  CHECK(result.exit_code == 1);
  const SpeedLine line = speed_line(result.err);
  CHECK_THAT(line.text, ContainsSubstring("3 images, 3 people in ") && ContainsSubstring("; an image takes read "));
  check_stages(line, {here.json("posekit-out/a.png.json"), here.json("posekit-out/b.png.json"), here.json("posekit-out/c.png.json")});
  CHECK(line.values.at("images/s") == line.values.at("people/s"));
}

TEST_CASE("The closing line has the detector's time, and its rates are counts over seconds") {
  const Workplace here;
  const auto result = here.run({"estimate", (posekit_test::source_dir() / "examples/images").string(), "-o", "out"});
  REQUIRE(result.exit_code == 0);
  std::vector<json> results;
  double people = 0;
  for (const std::string& file : here.files("out")) {
    results.push_back(here.json("out/" + file));
    people += static_cast<double>(results.back()["instance_info"].size());
  }
  const SpeedLine line = speed_line(result.err);
  CAPTURE(line.text);
  check_stages(line, results);
  CHECK(line.stages.at("detect") > 0);
  CHECK(line.values.at("people") == people);
  const double seconds = line.values.at("s:");
  const auto is_rate = [&](double rate, double count) {  // both are rounded
    return rate >= count / (seconds + 0.0051) - 0.0501 && rate <= count / (seconds - 0.0051) + 0.0501;
  };
  CHECK(is_rate(line.values.at("images/s"), static_cast<double>(results.size())));
  CHECK(is_rate(line.values.at("people/s"), people));
}

TEST_CASE("The closing line counts frames and poses of videos, and both kinds where both are there") {
  const Workplace here;
  posekit_test::write_video(here.path("a.avi"), 4);
  here.image("b.png");
  const SpeedLine video = speed_line(here.estimate({"a.avi", "--whole-image", "-o", "video"}).err);
  CHECK_THAT(video.text, ContainsSubstring("posekit: 4 frames, 4 poses in ") && ContainsSubstring("; a frame takes crop "));
  std::vector<json> results;
  for (const std::string& text : posekit_test::lines(here.read("video/a.avi.jsonl"))) results.push_back(json::parse(text));
  check_stages(video, results);
  const SpeedLine both = speed_line(here.estimate({"a.avi", "b.png", "--whole-image", "-o", "both"}).err);
  CHECK_THAT(both.text, ContainsSubstring("posekit: 1 image and 4 frames, 5 poses in ") && ContainsSubstring("images and frames/s"));
  CHECK(both.stages.at("read") == Approx(here.json("both/b.png.json")["timings_ms"]["decode"].get<double>()).margin(0.0501));
}

TEST_CASE("There is no closing line with --quiet, and none where nothing was worked on") {
  const Workplace here;
  here.image("a.png");
  CHECK(here.estimate({"a.png", "--whole-image", "--quiet"}).err.empty());
  const auto again = here.estimate({"a.png", "--whole-image"});
  CHECK_THAT(again.err, ContainsSubstring("done before"));
  CHECK(speed_line(again.err).text.empty());
}
