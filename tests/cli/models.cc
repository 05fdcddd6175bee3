/// Models from the command line: one of each codec, metadata, the shipped ones, and those that don't work.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

#include "support/model_builder.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using nlohmann::json;
using posekit_test::check_error;
using posekit_test::pose_metadata;
using posekit_test::save_script_model;
using posekit_test::two_keypoints;
using posekit_test::Workplace;

namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

// The box (20, 10, 60, 50) without padding fills a square input; heatmaps peak at x = 10.3, y = 16 of 32 steps across it.
const std::string one_box = R"({"a.png": [[20, 10, 60, 50]]})";
constexpr double step = 40.0 / 32;
constexpr double peak_y = 10 + 16 * step;

/// Both keypoints' heatmaps: a Gaussian of sigma 2 cells at (10.3, 16).
std::string gaussian_forward(int cells, const std::string& conversion = "") {
  const std::string positions = "torch.arange(" + std::to_string(cells) + ", dtype=6)";
  return "\ndef forward(self, x):\n    gx = torch.exp(-(" + positions + " - 10.3) ** 2 / 8.0)\n    gy = torch.exp(-(" + positions +
         " - 16.0) ** 2 / 8.0)\n    one = gy.unsqueeze(1) * gx.unsqueeze(0)\n    return one.unsqueeze(0).repeat(x.size(0), 2, 1, 1)" +
         conversion + "\n";
}

struct CodecCase {
  std::string name;
  std::string forward;
  std::string metadata;
  double x;
};

std::string square(const std::string& codec, int cells, const std::string& output = "") {
  return pose_metadata(codec, 64, 64, cells, cells, two_keypoints, output, R"("box_padding": 1.0)");
}

std::vector<CodecCase> codec_cases() {
  const std::string classic = gaussian_forward(32);
  const std::string simcc = R"(
def forward(self, x):
    u = torch.zeros(x.size(0), 2, 128)
    v = torch.zeros(x.size(0), 2, 128)
    u[:, :, 41] = 0.75
    v[:, :, 64] = 0.5
    return u, v
)";
  const auto regression = [](const std::string& x, const std::string& y) {
    return "\ndef forward(self, x):\n    return torch.tensor([[[" + x + ", " + y + ", 0.5], [" + x + ", " + y +
           ", 0.5]]]).repeat(x.size(0), 1, 1)\n";
  };
  return {
      {"udp_heatmap", gaussian_forward(33), square("udp_heatmap", 33), 20 + 10.3 * step},
      {"heatmap, quarter", classic, square("heatmap", 32), 20 + 10.25 * step},
      {"heatmap, none", classic, square("heatmap", 32, R"("refinement": "none")"), 20 + 10 * step},
      {"heatmap, dark", classic, square("heatmap", 32, R"("refinement": "dark")"), 20 + 10.3 * step},
      {"heatmap, half-precision output", gaussian_forward(32, ".half()"), square("heatmap", 32), 20 + 10.25 * step},
      {"simcc", simcc, square("simcc", 0), 20 + 20.5 / 64 * 40},
      {"regression, pixels", regression("16.0", "32.0"), square("regression", 0), 20 + 16.0 / 64 * 40},
      {"regression, normalized", regression("0.3", "0.5"), square("regression", 0, R"("normalized": true)"), 20 + 0.3 * 40},
  };
}

fs::path shipped(const std::string& file) { return posekit_test::source_dir() / "examples/models" / file; }
std::string photo(const std::string& file) { return (posekit_test::source_dir() / "examples/images" / file).string(); }

}  // namespace

TEST_CASE("A model of each codec runs from the command line and its keypoints land where its output says") {
  const auto one = GENERATE(from_range(codec_cases()));
  CAPTURE(one.name);
  const Workplace here;
  here.image("a.png", 100, 80);
  here.text("boxes.json", one_box);
  save_script_model(here.path("codec.pt"), one.forward, one.metadata);
  const auto result = here.run({"estimate", "a.png", "-m", "codec.pt", "--boxes", "boxes.json"});
  CAPTURE(result.err);
  REQUIRE(result.exit_code == 0);
  const json people = here.json("posekit-out/a.png.json")["instance_info"];
  REQUIRE(people.size() == 1);
  REQUIRE(people[0]["keypoints"].size() == 2);
  CHECK(std::abs(people[0]["keypoints"][0][0].get<double>() - one.x) < 0.03);
  CHECK(std::abs(people[0]["keypoints"][0][1].get<double>() - peak_y) < 0.03);
}

TEST_CASE("Metadata from a file, with a keypoint set, come before the model's own") {
  const Workplace here;
  here.image("a.png", 100, 80);
  here.text("boxes.json", one_box);
  save_script_model(here.path("codec.pt"), gaussian_forward(32), square("heatmap", 32));
  here.text("own.json",
            pose_metadata("heatmap", 64, 64, 32, 32, R"({"name": "mine", "keypoints": [{"name": "beak"}, {"name": "wing"}], "links": []})",
                          R"("refinement": "none")", R"("box_padding": 1.0)"));
  REQUIRE(here.run({"estimate", "a.png", "-m", "codec.pt", "--metadata", "own.json", "--boxes", "boxes.json"}).exit_code == 0);
  const json result = here.json("posekit-out/a.png.json");
  CHECK(result["model"]["keypoints"] == "mine");
  CHECK(result["meta_info"]["keypoint_names"] == json({"beak", "wing"}));
  CHECK(std::abs(result["instance_info"][0]["keypoints"][0][0].get<double>() - (20 + 10 * step)) < 0.03);
}

TEST_CASE("Only the keypoints asked for are in the result, in the order asked for") {
  const Workplace here;
  here.image("a.png");
  REQUIRE(here.estimate({"a.png", "--whole-image", "--keypoints", "tail,head"}).exit_code == 0);
  const json result = here.json("posekit-out/a.png.json");
  CHECK(result["meta_info"]["keypoint_names"] == json({"tail", "head"}));
  CHECK(std::abs(result["instance_info"][0]["keypoints"][0][0].get<double>() - 32) < 1e-3);
  const auto wrong = here.estimate({"a.png", "--whole-image", "--overwrite", "--keypoints", "tail,nose"});
  CHECK(wrong.exit_code != 0);
  check_error(wrong.err, "keypoint", "nose");
}

TEST_CASE("The shipped models find the astronaut without an option, and nobody in photos without people") {
  const Workplace here;
  fs::copy_file(posekit_test::source_dir() / "tests/data/no_people/coffee.jpg", here.path("coffee.jpg"));
  const auto result = here.run({"estimate", photo("astronaut.jpg"), "coffee.jpg", "--draw"});
  CHECK(result.exit_code == 0);
  const json astronaut = here.json("posekit-out/astronaut.jpg.json");
  REQUIRE(astronaut["instance_info"].size() == 1);
  CHECK(astronaut["instance_info"][0]["bbox_score"] > 0.5);
  CHECK(astronaut["model"]["keypoints"] == "blazepose33");
  CHECK(astronaut["timings_ms"]["detect"] > 0);
  CHECK(here.json("posekit-out/coffee.jpg.json")["instance_info"] == json::array());
  CHECK(here.has("posekit-out/coffee.jpg.pose.jpg"));
}

TEST_CASE("A named subset of the shipped model gives that set's keypoints") {
  const Workplace here;
  REQUIRE(here.run({"estimate", photo("astronaut.jpg"), "--keypoints", "coco17"}).exit_code == 0);
  const json result = here.json("posekit-out/astronaut.jpg.json");
  CHECK(result["model"]["keypoints"] == "coco17");
  CHECK(result["meta_info"]["keypoint_names"].size() == 17);
  CHECK(result["instance_info"][0]["keypoints"].size() == 17);
}

TEST_CASE("A subset and a keypoint can be asked for together") {
  const Workplace here;
  REQUIRE(here.run({"estimate", photo("astronaut.jpg"), "--keypoints", "left_heel,coco17"}).exit_code == 0);
  const json result = here.json("posekit-out/astronaut.jpg.json");
  CHECK(result["meta_info"]["keypoint_names"].size() == 18);
  CHECK(result["meta_info"]["keypoint_names"][0] == "left_heel");
  CHECK(result["instance_info"][0]["keypoints"].size() == 18);
}

TEST_CASE("A threshold above all scores leaves nobody and is not an error") {
  const Workplace here;
  CHECK(here.run({"estimate", photo("astronaut.jpg"), "--det-threshold", "0.9999"}).exit_code == 0);
  CHECK(here.json("posekit-out/astronaut.jpg.json")["instance_info"] == json::array());
}

TEST_CASE("Options of the detector override its metadata") {
  const Workplace here;
  const auto people = [&](Arguments options) {
    options.insert(options.begin(), {"estimate", photo("people.jpg"), "--overwrite"});
    REQUIRE(here.run(options).exit_code == 0);
    return here.json("posekit-out/people.jpg.json")["instance_info"].size();
  };
  const std::size_t usual = people({});
  CHECK(usual > 1);
  CHECK(people({"--max-persons", "1"}) == 1);
  CHECK(people({"--nms-iou", "1"}) > usual);  // nothing overlaps more
}

TEST_CASE("Twice the box padding makes a crop of twice the width") {
  const Workplace here;
  here.image("a.png");
  const auto quarter = [&](const char* padding) {  // of the crop's width: the quick model's keypoints are that far apart
    REQUIRE(here.estimate({"a.png", "--whole-image", "--overwrite", "--box-padding", padding}).exit_code == 0);
    const json keypoints = here.json("posekit-out/a.png.json")["instance_info"][0]["keypoints"];
    return keypoints[1][0].get<double>() - keypoints[0][0].get<double>();
  };
  CHECK_THAT(quarter("1"), WithinAbs(16, 0.01));
  CHECK_THAT(quarter("2"), WithinAbs(32, 0.01));
}

TEST_CASE("Shipped models are looked up in POSEKIT_MODELS first") {
  const Workplace here;
  fs::create_directory(here.path("models"));
  fs::copy_file(shipped("pose_landmark_lite.pt"), here.path("models/pose_landmark_full.pt"));
  posekit_test::ProcessOptions options;
  options.environment["POSEKIT_MODELS"] = here.path("models").string();
  REQUIRE(here.run({"estimate", photo("astronaut.jpg")}, options).exit_code == 0);
  CHECK(here.json("posekit-out/astronaut.jpg.json")["model"]["name"] == "blazepose-lite");
}

TEST_CASE("A model that throws is reported with what it threw, and no result is written") {
  const Workplace here;
  here.image("a.png");
  save_script_model(here.path("angry.pt"), R"(
def forward(self, x):
    assert x.size(0) == 0, "broken on purpose"
    return x
)",
                    square("regression", 0));
  const auto result = here.run({"estimate", "a.png", "-m", "angry.pt", "--whole-image"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "model", "broken on purpose");
  CHECK(here.files("posekit-out").empty());
}

TEST_CASE("A model that contradicts its metadata is reported with both values") {
  const Workplace here;
  here.image("a.png");
  save_script_model(here.path("liar.pt"), gaussian_forward(32), square("heatmap", 48));
  const auto result = here.run({"estimate", "a.png", "-m", "liar.pt", "--whole-image"});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("48"));
  check_error(result.err, "model", "32");
}

TEST_CASE("A missing model, another file and a wrong checksum are refused") {
  const Workplace here;
  here.image("a.png");
  here.text("text.pt", "no model");
  const auto missing = here.run({"estimate", "a.png", "-m", "nowhere.pt", "--whole-image"});
  CHECK(missing.exit_code == 1);
  check_error(missing.err, "nowhere.pt");
  const auto text = here.run({"estimate", "a.png", "-m", "text.pt", "--whole-image"});
  CHECK(text.exit_code == 1);
  check_error(text.err, "text.pt");
  const auto checksum = here.estimate({"a.png", "--whole-image", "--sha256", std::string(64, 'a')});
  CHECK(checksum.exit_code == 1);
  check_error(checksum.err, "model.pt", std::string(64, 'a'));
  CHECK(here.files("posekit-out").empty());
}

TEST_CASE("A detector as the pose model is refused, and a pose model as the detector") {
  const Workplace here;
  here.image("a.png");
  const auto pose = here.run({"estimate", "a.png", "-m", shipped("person_detector.pt").string(), "--whole-image"});
  CHECK(pose.exit_code == 1);
  check_error(pose.err, "model", "\"detect\"");
  const auto detector = here.run({"estimate", "a.png", "--detector", shipped("pose_landmark_lite.pt").string()});
  CHECK(detector.exit_code == 1);
  check_error(detector.err, "model", "\"pose\"");
}

TEST_CASE("The flip test runs only where the keypoint set has partners") {
  const Workplace here;
  here.image("a.png", 100, 80);
  here.text("boxes.json", one_box);
  CHECK(here.estimate({"a.png", "--whole-image", "--flip-test"}).exit_code == 0);
  save_script_model(
      here.path("onesided.pt"), gaussian_forward(32),
      pose_metadata("heatmap", 64, 64, 32, 32, R"({"name": "mine", "keypoints": [{"name": "a"}, {"name": "b"}], "links": []})"));
  const auto refused = here.run({"estimate", "a.png", "-m", "onesided.pt", "--whole-image", "--flip-test", "--overwrite"});
  CHECK(refused.exit_code != 0);
  check_error(refused.err, "flip test", "swap");
}

TEST_CASE("A broken model ends the run with one error for any number of images") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  const auto model = GENERATE(values<Arguments>({{"-m", "nowhere.pt"}, {"--detector", "nowhere.pt"}, {"--preset", "nowhere.pt"}}));
  Arguments arguments{"estimate", "a.png", "b.png"};
  arguments.insert(arguments.end(), model.begin(), model.end());
  const auto result = here.run(arguments);
  CHECK(result.exit_code == 1);
  const std::size_t first = result.err.find("nowhere.pt");
  REQUIRE(first != std::string::npos);
  CHECK(result.err.find("nowhere.pt", first + 1) == std::string::npos);
  CHECK_THAT(result.err, !ContainsSubstring("fork"));
}

TEST_CASE("A model that fails for an image names the image") {
  const Workplace here;
  here.image("a.png");
  save_script_model(here.path("angry.pt"), "\ndef forward(self, x):\n    assert x.size(0) == 0, \"on purpose\"\n    return x\n",
                    square("regression", 0));
  const auto result = here.run({"estimate", "a.png", "-m", "angry.pt", "--whole-image", "--quiet"});
  CHECK_THAT(result.err, ContainsSubstring("a.png"));
}
