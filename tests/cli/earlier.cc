/// Results of an earlier run: done only if this run would make the same.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>

#include "support/model_builder.h"
#include "support/videos.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using posekit_test::check_error;
using posekit_test::Workplace;
using Names = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

posekit_test::ProcessResult estimate(const Workplace& here, const std::string& model, Names arguments) {
  arguments.insert(arguments.begin(), {"estimate", "-m", model, "--threads", "1"});
  return here.run(std::move(arguments));
}

/// Sets a file's time to before or after now.
void set_time(const fs::path& file, std::chrono::seconds from_now) {
  fs::last_write_time(file, fs::file_time_type::clock::now() + from_now);
}

}  // namespace

TEST_CASE("A result of another model, options, boxes or image is made again, and with --keep it is kept and the run fails") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  const std::string second = here.model("two.pt", "0.75");
  REQUIRE(fs::file_size(here.path(first)) == fs::file_size(here.path(second)));
  here.image("a.png", 80, 40);
  here.text("one.json", R"({"a.png": [[0, 0, 40, 40]]})");
  here.text("two.json", R"({"a.png": [[0, 0, 40, 40.5]]})");
  here.text("more.json", R"({"a.png": [[0, 0, 40, 40], [0, 0, 40, 40]]})");
  here.text("scored.json", R"({"a.png": [[0, 0, 40, 40, 0.5]]})");
  REQUIRE(estimate(here, first, {"a.png", "--boxes", "one.json"}).exit_code == 0);
  const std::string before = here.read("posekit-out/a.png.json");

  struct Change {
    std::string reason;
    std::string model = "one.pt";
    Names arguments{"a.png", "--boxes", "one.json"};
  };
  const Change change = GENERATE(Change{.reason = "another model", .model = "two.pt"},
                                 Change{.reason = "other options", .arguments = {"a.png", "--boxes", "one.json", "--flip-test"}},
                                 Change{.reason = "other options", .arguments = {"a.png", "--boxes", "one.json", "--box-padding", "1.5"}},
                                 Change{.reason = "other options", .arguments = {"a.png", "--boxes", "one.json", "--keypoints", "head"}},
                                 Change{.reason = "other options", .arguments = {"a.png", "--boxes", "one.json", "--precision", "bf16"}},
                                 Change{.reason = "another source of boxes", .arguments = {"a.png", "--whole-image"}},
                                 Change{.reason = "other boxes", .arguments = {"a.png", "--boxes", "two.json"}},
                                 Change{.reason = "other boxes", .arguments = {"a.png", "--boxes", "more.json"}},
                                 Change{.reason = "other boxes", .arguments = {"a.png", "--boxes", "scored.json"}});
  CAPTURE(change.reason, change.arguments);
  Names keep = change.arguments;
  keep.emplace_back("--keep");
  const auto kept = estimate(here, change.model, keep);
  CHECK(kept.exit_code == 1);
  check_error(kept.err, "a.png", change.reason);
  CHECK(here.read("posekit-out/a.png.json") == before);
  const auto again = estimate(here, change.model, change.arguments);
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.err, ContainsSubstring("1 result of earlier runs made again, which had been made with " + change.reason + " (1)"));
  CHECK(here.read("posekit-out/a.png.json") != before);
  CHECK_THAT(estimate(here, change.model, change.arguments).err, ContainsSubstring("a.png: done before"));
}

TEST_CASE("The result of another input of the same name is not replaced while that input is there") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("x/a.png", 80, 40);
  here.image("y/a.png", 80, 40);
  fs::create_directory_symlink("x", here.path("latest"));
  REQUIRE(estimate(here, first, {"latest/a.png", "--whole-image"}).exit_code == 0);
  const std::string before = here.read("posekit-out/a.png.json");
  const auto other = estimate(here, first, {"y/a.png", "--whole-image"});
  CHECK(other.exit_code == 1);
  check_error(other.err, "y/a.png", "x/a.png");
  CHECK(here.read("posekit-out/a.png.json") == before);
  fs::remove(here.path("latest"));
  fs::create_directory_symlink("y", here.path("latest"));
  CHECK(estimate(here, first, {"latest/a.png", "--whole-image"}).exit_code == 1);
  fs::rename(here.path("x"), here.path("z"));  // the photos were moved
  const auto moved = estimate(here, first, {"z/a.png", "--whole-image"});
  CHECK(moved.exit_code == 0);
  CHECK_THAT(moved.err, ContainsSubstring("another input"));
}

TEST_CASE("A model that is missing ends the run once, also where results are there") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("a.png");
  here.image("b.png");
  REQUIRE(estimate(here, first, {"a.png", "b.png", "--whole-image"}).exit_code == 0);
  const auto result = estimate(here, "missing.pt", {"a.png", "b.png", "--whole-image"});
  CHECK(result.exit_code == 1);
  CHECK(posekit_test::lines(result.err).size() == 1);
  check_error(result.err, "missing.pt");
}

TEST_CASE("Drawings stay if their inputs can't be read") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  const std::string second = here.model("two.pt", "0.75");
  here.image("a.png");
  here.image("b.png");
  REQUIRE(estimate(here, first, {"a.png", "b.png", "--whole-image", "--draw"}).exit_code == 0);
  fs::remove(here.path("a.png"));
  here.text("b.png", "broken");
  const auto result = estimate(here, second, {"a.png", "b.png", "--whole-image", "--draw"});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, !ContainsSubstring("made again"));
  CHECK(here.files("posekit-out") == Names{"a.png.json", "a.png.pose.jpg", "b.png.json", "b.png.pose.jpg"});
}

TEST_CASE("COCO results do not replace drawings that are there") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("a.png");
  REQUIRE(estimate(here, first, {"a.png", "--whole-image", "--draw"}).exit_code == 0);
  const std::string before = here.read("posekit-out/a.png.pose.jpg");
  const auto coco = estimate(here, first, {"a.png", "--whole-image", "--draw", "--format", "coco"});
  CHECK(coco.exit_code == 1);
  check_error(coco.err, "a.png.pose.jpg", "is not a drawing");
  CHECK(here.read("posekit-out/a.png.pose.jpg") == before);
}

TEST_CASE("An input that is gone is not done before") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("a.png");
  REQUIRE(estimate(here, first, {"a.png", "--whole-image"}).exit_code == 0);
  fs::remove(here.path("a.png"));
  const auto result = estimate(here, first, {"a.png", "--whole-image"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "a.png");
}

TEST_CASE("Files that are no drawings of posekit are not replaced") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("a.png");
  here.text("posekit-out/a.png.pose.jpg", "somebody's");
  for (const bool has_result : {false, true}) {
    CAPTURE(has_result);
    if (has_result) REQUIRE(estimate(here, first, {"a.png", "--whole-image"}).exit_code == 0);
    const auto result = estimate(here, first, {"a.png", "--whole-image", "--draw"});
    CHECK(result.exit_code == 1);
    check_error(result.err, "a.png.pose.jpg", "is not a drawing");
    CHECK(here.read("posekit-out/a.png.pose.jpg") == "somebody's");
  }
  CHECK(estimate(here, first, {"a.png", "--whole-image", "--draw", "--overwrite"}).exit_code == 0);
}

TEST_CASE("A result of an image that was replaced is made again") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("a.png", 80, 40);
  REQUIRE(estimate(here, first, {"a.png", "--whole-image"}).exit_code == 0);
  const bool same_length = GENERATE(true, false);
  CAPTURE(same_length);
  if (same_length) {
    set_time(here.path("a.png"), std::chrono::seconds(-5));  // the same length: only the time shows it
  } else {
    here.image("a.png", 60, 40);
    set_time(here.path("a.png"), std::chrono::seconds(-3600));  // as archives and cp -p leave it
  }
  const auto again = estimate(here, first, {"a.png", "--whole-image"});
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.err, ContainsSubstring("an input that has changed since"));
  CHECK(here.json("posekit-out/a.png.json")["image"]["width"] == (same_length ? 80 : 60));
}

TEST_CASE("A model's metadata beside it, and a detector and its options, are part of what a result was made with") {
  const Workplace here;
  here.image("a.png", 80, 40);
  const std::string first = here.model("one.pt", "0.25");
  REQUIRE(estimate(here, first, {"a.png", "--whole-image"}).exit_code == 0);
  here.text("one.pt.posekit.json", posekit_test::pose_metadata("regression", 32, 32, 0, 0, posekit_test::two_keypoints,
                                                               R"("normalized": true)", R"("box_padding": 1.25)"));
  CHECK_THAT(estimate(here, first, {"a.png", "--whole-image"}).err, ContainsSubstring("another model"));
  CHECK_THAT(estimate(here, first, {"a.png"}).err, ContainsSubstring("another source of boxes"));
  CHECK_THAT(estimate(here, first, {"a.png"}).err, ContainsSubstring("done before"));
  CHECK_THAT(estimate(here, first, {"a.png", "--det-threshold", "0.2"}).err, ContainsSubstring("another source of boxes"));
  CHECK_THAT(estimate(here, first, {"a.png", "--det-threshold", "0.2", "--tiles", "0.5"}).err,
             ContainsSubstring("another source of boxes"));
}

TEST_CASE("A result is done however the image is named, and whatever changes no number") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("in/a.png");
  REQUIRE(estimate(here, first, {"in/a.png", "--whole-image"}).exit_code == 0);
  for (const Names& names : {Names{"./in/a.png"}, Names{"in/../in/a.png"}, Names{here.path("in/a.png").string()}, Names{"in"},
                             Names{"in/a.png", "--batch", "4", "--torch-threads", "2"}}) {
    Names arguments = names;
    arguments.emplace_back("--whole-image");
    const auto result = estimate(here, first, arguments);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.err, ContainsSubstring("done before"));
  }
}

TEST_CASE("A file that is no result of posekit is not replaced") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("a.png");
  const std::string content =
      GENERATE(as<std::string>(), "", "{", "not JSON", "[1]", R"({"version": "5.0", "shapes": []})", std::string(5000, '['));
  here.text("posekit-out/a.png.json", content);
  const auto result = estimate(here, first, {"a.png", "--whole-image"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "a.png", "\"posekit-out/a.png.json\" is not a result");
  CHECK(here.read("posekit-out/a.png.json") == content);
  CHECK(estimate(here, first, {"a.png", "--whole-image", "--overwrite"}).exit_code == 0);
}

TEST_CASE("A result of a version that did not say what it was made with is made again") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("a.png");
  here.text("posekit-out/a.png.json", R"({"format": "posekit-result/1", "image": {"path": "a.png", "width": 64, "height": 48}})");
  CHECK_THAT(estimate(here, first, {"a.png", "--whole-image"}).err, ContainsSubstring("what it does not say (1)"));
  CHECK(here.json("posekit-out/a.png.json").contains("made_with"));
}

TEST_CASE("A result with errors is not done: the run fails each time") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  here.image("a.png");
  here.text("boxes.json", R"({"a.png": [[0, 0, 9, 9], [9, 9, 5, 5]]})");
  for (int run = 0; run < 2; ++run) {
    const auto result = estimate(here, first, {"a.png", "--boxes", "boxes.json"});
    CHECK(result.exit_code == 1);
    check_error(result.err, "a.png", "(9, 9, 5, 5)");
  }
}

TEST_CASE("A drawing is of the result that is beside it") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  const std::string second = here.model("two.pt", "0.75");
  here.image("a.png", 200, 100);
  REQUIRE(estimate(here, first, {"a.png", "--whole-image", "--draw"}).exit_code == 0);
  const std::string of_first = here.read("posekit-out/a.png.pose.jpg");
  CHECK_THAT(estimate(here, first, {"a.png", "--whole-image"}).err, ContainsSubstring("done before"));
  REQUIRE(estimate(here, second, {"a.png", "--whole-image"}).exit_code == 0);
  CHECK_FALSE(here.has("posekit-out/a.png.pose.jpg"));  // it was of the first model
  REQUIRE(estimate(here, second, {"a.png", "--whole-image", "--draw"}).exit_code == 0);
  CHECK(here.read("posekit-out/a.png.pose.jpg") != of_first);
  CHECK_THAT(estimate(here, second, {"a.png", "--whole-image", "--draw", "--draw-min-score", "0.85"}).err,
             ContainsSubstring("another drawing"));
}

TEST_CASE("A video is done if its last line says so, and one with problems is not") {
  const Workplace here;
  const std::string first = here.model("one.pt", "0.25");
  const std::string second = here.model("two.pt", "0.75");
  posekit_test::write_video(here.path("a.avi"), 4);
  REQUIRE(estimate(here, first, {"a.avi", "--whole-image"}).exit_code == 0);
  const Names all = posekit_test::lines(here.read("posekit-out/a.avi.jsonl"));
  REQUIRE(all.size() == 4);
  CHECK_FALSE(json::parse(all[0]).contains("made_with"));
  CHECK(json::parse(all[3])["made_with"]["video"] ==
        json{{"frames", 4}, {"problems", 0}, {"offset", all[0].size() + all[1].size() + all[2].size() + 3}});
  CHECK_THAT(estimate(here, first, {"a.avi", "--whole-image"}).err, ContainsSubstring("done before"));
  here.text("posekit-out/a.avi.jsonl", all[0] + "\n" + all[3] + "\n");  // two lines are missing
  CHECK_THAT(estimate(here, first, {"a.avi", "--whole-image"}).err, ContainsSubstring("a.avi: 4 frames"));
  CHECK_THAT(estimate(here, first, {"a.avi", "--whole-image", "--no-track"}).err, ContainsSubstring("other options"));
  CHECK_THAT(estimate(here, second, {"a.avi", "--whole-image", "--no-track"}).err, ContainsSubstring("another model"));

  const std::string whole = here.read("a.avi");
  here.text("cut.avi", whole.substr(0, whole.size() * 3 / 4));
  for (int run = 0; run < 2; ++run) {
    const auto result = estimate(here, first, {"cut.avi", "--whole-image"});
    CHECK(result.exit_code == 1);
    check_error(result.err, "cut.avi");
  }
}
