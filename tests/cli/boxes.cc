/// --boxes: its three forms, what is wrong in them, and boxes that are no boxes.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using posekit_test::check_error;
using posekit_test::ProcessOptions;
using posekit_test::Workplace;
using Names = std::vector<std::string>;

namespace {

/// The boxes that the people of an image's result have.
json boxes_of(const Workplace& here, const std::string& image) {
  json boxes = json::array();
  const json result = here.json("posekit-out/" + image + ".json");
  for (const json& person : result["instance_info"]) boxes.push_back(person["bbox"]);
  return boxes;
}

}  // namespace

TEST_CASE("Boxes are found by the path as given and by the file name, with and without a score") {
  const Workplace here;
  here.image("in/a.png");
  here.image("in/b.png");
  here.text("boxes.json", R"({"in/a.png": [[1, 2, 30, 40], [5, 6, 20, 20.5, 0.25]], "b.png": [[0, 0, 10, 10]]})");
  CHECK(here.estimate({"in", "--boxes", "boxes.json"}).exit_code == 0);
  CHECK(boxes_of(here, "a.png") == json::parse("[[1, 2, 30, 40], [5, 6, 20, 20.5]]"));
  CHECK(boxes_of(here, "b.png") == json::parse("[[0, 0, 10, 10]]"));
  const json people = here.json("posekit-out/a.png.json")["instance_info"];
  CHECK(people[0]["bbox_score"] == 1);
  CHECK(people[1]["bbox_score"] == 0.25);
  CHECK(people[1]["box_index"] == 1);
}

TEST_CASE("The path as given comes before the file name, and the entry that is left over is reported") {
  const Workplace here;
  here.image("in/a.png");
  here.text("boxes.json", R"({"a.png": [[0, 0, 9, 9]], "in/a.png": [[1, 1, 5, 5]]})");
  const auto result = here.estimate({"in/a.png", "--boxes", "boxes.json"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "boxes.json", "\"a.png\" is the first");
  CHECK(boxes_of(here, "a.png") == json::parse("[[1, 1, 5, 5]]"));
}

TEST_CASE("An image without an entry has zero people, and fails the run where the file lists its images") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  here.text("map.json", R"({"a.png": [[0, 0, 9, 9]]})");
  here.text("found.json", R"([{"image_id": "a.png", "bbox": [0, 0, 9, 9]}])");
  const auto map = here.estimate({"a.png", "b.png", "--boxes", "map.json", "-o", "map"});
  CHECK(map.exit_code == 1);
  check_error(map.err, "map.json", "\"b.png\" is the first");
  CHECK(here.json("map/b.png.json")["instance_info"] == json::array());
  const auto found = here.estimate({"a.png", "b.png", "--boxes", "found.json", "-o", "found", "--quiet"});
  CHECK(found.exit_code == 0);
  CHECK_THAT(found.err, ContainsSubstring("1 input has no entry, \"b.png\""));
  CHECK(here.json("found/b.png.json")["instance_info"] == json::array());
}

TEST_CASE("An empty list is zero people and no remark") {
  const Workplace here;
  here.image("a.png");
  here.text("boxes.json", R"({"a.png": []})");
  const auto result = here.estimate({"a.png", "--boxes", "boxes.json", "--quiet"});
  CHECK(result.exit_code == 0);
  CHECK(result.err.empty());
}

TEST_CASE("If no entry fits an input the run ends before a model is loaded") {
  const Workplace here;
  here.image("a.png");
  const std::string document =
      GENERATE(R"([{"image_id": 785, "category_id": 1, "bbox": [5, 5, 10, 10], "score": 0.9}])", R"({"other/b.png": [[0, 0, 9, 9]]})",
               R"({"images": [{"id": 1, "file_name": "b.png"}], "annotations": []})");
  here.text("boxes.json", document);
  const auto result = here.run({"estimate", "a.png", "--boxes", "boxes.json", "-m", "no-model.pt"});
  CHECK(result.exit_code == 2);
  check_error(result.err, "boxes.json", "\"a.png\"");
  CHECK(here.files("posekit-out").empty());
}

TEST_CASE("Entries are found by whole numbers, from any folder, and in any Unicode form") {
  const Workplace here;
  here.image("in/000000000785.png");
  here.image("in/caf\u00E9.png");
  here.image("in/\u5199\u771F.png");
  here.text("boxes.json",
            "[{\"image_id\": 785, \"category_id\": 1, \"bbox\": [1, 2, 30, 20]}, {\"image_id\": \"C:\\\\in\\\\cafe\u0301.png\", \"bbox\": "
            "[2, 2, 30, 20]},"
            " {\"image_id\": \"\u5199\u771F\", \"bbox\": [3, 2, 30, 20]}]");
  const auto [input, folder] = GENERATE(table<std::string, std::string>({{"in", ""}, {"./in", ""}, {".", "in"}, {"../in", "in"}}));
  CAPTURE(input, folder);
  here.estimate({"in/000000000785.png", "--whole-image", "-o", "warm"});  // makes the model
  ProcessOptions options;
  options.directory = here.path(folder);
  const std::string up = folder.empty() ? "" : "../";
  const auto result =
      here.run({"estimate", "-m", up + "model.pt", "--threads", "1", input, "--boxes", up + "boxes.json", "-o", up + "out"}, options);
  CHECK(result.exit_code == 0);
  CHECK(here.json("out/000000000785.png.json")["instance_info"][0]["bbox"] == json::parse("[1, 2, 31, 22]"));
  CHECK(here.json("out/caf\u00E9.png.json")["instance_info"][0]["bbox"] == json::parse("[2, 2, 32, 22]"));
  CHECK(here.json("out/\u5199\u771F.png.json")["instance_info"][0]["bbox"] == json::parse("[3, 2, 33, 22]"));
}

TEST_CASE("Entries of other inputs fail the run, unless the file is said to cover more") {
  const Workplace here;
  here.image("a.png");
  here.text("boxes.json", R"({"a.png": [[0, 0, 9, 9]], "b.png": [[0, 0, 9, 9]], "c.png": []})");
  const auto result = here.estimate({"a.png", "--boxes", "boxes.json"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "2 entries fit no input", "\"b.png\"");
  CHECK(boxes_of(here, "a.png").size() == 1);
  const auto subset = here.estimate({"a.png", "--boxes", "boxes.json", "--subset-of-boxes", "--quiet"});
  CHECK(subset.exit_code == 0);
  CHECK_THAT(subset.err, ContainsSubstring("2 entries fit no input"));
}

TEST_CASE("An entry whose image is in another shard is used") {
  const Workplace here;
  std::string document = "{";
  for (int i = 0; i < 6; ++i)
    document += (i == 0 ? "\"" : ", \"") + here.image("in/" + std::to_string(i) + "x.png").substr(3) + "\": [[0, 0, 9, 9]]";
  here.text("boxes.json", document + "}");
  for (const char* shard : {"0/2", "1/2"}) CHECK(here.estimate({"in", "--boxes", "boxes.json", "--shard", shard}).exit_code == 0);
  CHECK(here.files("posekit-out").size() == 6);
}

TEST_CASE("A name that stands for two inputs ends the run before a model is loaded") {
  const Workplace here;
  here.image("x/a.png");
  here.image("y/a.png");
  here.text("boxes.json", R"({"a.png": [[0, 0, 9, 9]]})");
  const auto result = here.run({"estimate", "x", "y", "--boxes", "boxes.json", "-m", "no-model.pt"});
  CHECK(result.exit_code == 2);
  check_error(result.err, "a.png", "alike");
}

TEST_CASE("A size in the file that contradicts the upright image fails that image alone, and is scaled on demand") {
  const Workplace here;
  here.image("a.png", 64, 48);
  here.image("b.png", 64, 48);
  here.text(
      "coco.json",
      R"({"images": [{"id": 1, "file_name": "a.png", "width": 128, "height": 96}, {"id": 2, "file_name": "b.png", "width": 64, "height": 48}],
    "annotations": [{"image_id": 1, "bbox": [20, 20, 40, 40]}, {"image_id": 2, "bbox": [20, 20, 20, 20]}]})");
  const auto result = here.estimate({"a.png", "b.png", "--boxes", "coco.json"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "128x96", "64x48");
  CHECK(here.files("posekit-out") == Names{"b.png.json"});
  CHECK(here.estimate({"a.png", "b.png", "--boxes", "coco.json", "--scale-boxes"}).exit_code == 0);
  CHECK(boxes_of(here, "a.png") == json::parse("[[10, 10, 30, 30]]"));
}

TEST_CASE("Boxes in fractions, and boxes outside of the image, fail that image alone") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  here.image("c.png");
  here.text("boxes.json", R"({"a.png": [[0.1, 0.1, 0.5, 0.5]], "b.png": [[0, 0, 9, 9]], "c.png": [[1000, 0, 1100, 90]]})");
  const auto result = here.estimate({"a.png", "b.png", "c.png", "--boxes", "boxes.json"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "a.png", "64x48");
  check_error(result.err, "c.png", "(1000, 0, 1100, 90)");
  CHECK(here.files("posekit-out") == Names{"b.png.json"});
}

TEST_CASE("Categories that may count from 0 have to be named, and the ones that are left out are") {
  const Workplace here;
  here.image("a.png");
  here.text(
      "boxes.json",
      R"([{"image_id": "a.png", "category_id": 0, "bbox": [1, 2, 30, 20]}, {"image_id": "a.png", "category_id": 1, "bbox": [5, 5, 9, 9]}])");
  const auto result = here.run({"estimate", "a.png", "--boxes", "boxes.json", "-m", "no-model.pt"});
  CHECK(result.exit_code == 2);
  check_error(result.err, "--category", "0 (1 box), 1 (1 box)");
  const auto named = here.estimate({"a.png", "--boxes", "boxes.json", "--category", "0", "--quiet"});
  CHECK(named.exit_code == 0);
  CHECK(boxes_of(here, "a.png") == json::parse("[[1, 2, 31, 22]]"));
  CHECK_THAT(named.err, ContainsSubstring("left out: 1 box of other categories: 1 (1 box)"));
}

TEST_CASE("The threshold of detections applies to boxes from a file") {
  const Workplace here;
  here.image("a.png");
  here.text("boxes.json",
            R"([{"image_id": "a.png", "bbox": [1, 2, 30, 20], "score": 0.9}, {"image_id": "a.png", "bbox": [5, 5, 9, 9], "score": 0.04}])");
  const auto result = here.estimate({"a.png", "--boxes", "boxes.json", "--det-threshold", "0.3", "--quiet"});
  CHECK(result.exit_code == 0);
  CHECK(boxes_of(here, "a.png") == json::parse("[[1, 2, 31, 22]]"));
  CHECK_THAT(result.err, ContainsSubstring("left out: 1 box with a score of at most 0.3"));
}

TEST_CASE("JSON lines, UTF-16 and a byte order mark are read") {
  const Workplace here;
  here.image("a.png");
  using namespace std::string_literals;
  const std::string line = R"({"image_id": "a.png", "bbox": [1, 2, 30, 20]})";
  std::string utf16 = "\xFF\xFE"s;
  for (const char c : line) utf16 += std::string{c, '\0'};
  const std::string document = GENERATE_COPY(line + "\n" + line + "\n", utf16, "\xEF\xBB\xBF" + line);
  here.text("boxes.json", document);
  CHECK(here.estimate({"a.png", "--boxes", "boxes.json"}).exit_code == 0);
  CHECK(boxes_of(here, "a.png")[0] == json::parse("[1, 2, 31, 22]"));
}

TEST_CASE("Annotations give COCO results their ids, with a detector and with boxes") {
  const Workplace here;
  here.image("in/a.png");
  here.image("in/b.png");
  here.text("anno.json",
            R"({"images": [{"id": 17, "file_name": "a.png"}, {"id": 18, "file_name": "b.png"}, {"id": 19, "file_name": "c.png"}]})");
  const auto whole = here.estimate({"in", "--whole-image", "--format", "coco", "--annotations", "anno.json", "-o", "whole"});
  CHECK(whole.exit_code == 0);
  CHECK(here.json("whole/results.json")[0]["image_id"] == 17);
  CHECK(here.json("whole/results.json")[1]["image_id"] == 18);
  here.text("boxes.json", R"([{"image_id": 18, "bbox": [1, 2, 30, 20]}])");
  CHECK(here.estimate({"in", "--boxes", "boxes.json", "--annotations", "anno.json", "--format", "coco", "-o", "boxes"}).exit_code == 0);
  REQUIRE(here.json("boxes/results.json").size() == 1);
  CHECK(here.json("boxes/results.json")[0]["image_id"] == 18);

  here.image("in/d.png");
  const auto missing = here.estimate({"in", "--whole-image", "--format", "coco", "--annotations", "anno.json", "-o", "missing"});
  CHECK(missing.exit_code == 1);
  check_error(missing.err, "anno.json", "d.png");
  CHECK(here.json("missing/results.json").size() == 2);
  const auto idle = here.estimate({"in", "--whole-image", "--annotations", "anno.json", "-o", "idle"});
  CHECK(idle.exit_code == 2);
  check_error(idle.err, "--annotations", "--format coco");
}

TEST_CASE("COCO annotations give people as x, y, width and height, without crowds and other categories") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  here.text("coco.json", R"({"images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}],
    "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}],
    "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "iscrowd": 0, "bbox": [1, 2, 30, 20], "segmentation": [[1, 2, 3, 4]]},
                    {"id": 2, "image_id": 7, "category_id": 1, "iscrowd": 1, "bbox": [0, 0, 50, 40]},
                    {"id": 3, "image_id": 7, "category_id": 2, "iscrowd": 0, "bbox": [3, 3, 5, 5]}]})");
  const auto result = here.estimate({"a.png", "b.png", "--boxes", "coco.json"});
  CHECK(result.exit_code == 0);
  CHECK(boxes_of(here, "a.png") == json::parse("[[1, 2, 31, 22]]"));
  CHECK(boxes_of(here, "b.png") == json::array());
  CHECK_THAT(result.err, !ContainsSubstring("no entry"));

  CHECK(here.estimate({"a.png", "b.png", "--boxes", "coco.json", "--format", "coco", "-o", "coco"}).exit_code == 0);
  const json results = here.json("coco/results.json");
  REQUIRE(results.size() == 1);
  CHECK(results[0]["image_id"] == 7);
}

TEST_CASE("COCO detection results give people by file name, with their scores") {
  const Workplace here;
  here.image("a.png");
  here.text("found.json", R"([{"image_id": "a.png", "category_id": 1, "bbox": [1, 2, 30, 20], "score": 0.5},
                              {"image_id": "a.png", "category_id": 3, "bbox": [0, 0, 9, 9], "score": 0.9}])");
  CHECK(here.estimate({"a.png", "--boxes", "found.json"}).exit_code == 0);
  CHECK(boxes_of(here, "a.png") == json::parse("[[1, 2, 31, 22]]"));
  CHECK(here.json("posekit-out/a.png.json")["instance_info"][0]["bbox_score"] == 0.5);
}

TEST_CASE("A bad box is reported with its index, its neighbours get their poses, and the run fails") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  here.text("boxes.json", R"({"a.png": [[0, 0, 9, 9], [30, 5, 20, 40], [1, 1, 8, 8]], "b.png": [[0, 0, 9, 9]]})");
  const auto result = here.estimate({"a.png", "b.png", "--boxes", "boxes.json"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "a.png", "(30, 5, 20, 40)");
  CHECK(boxes_of(here, "a.png") == json::parse("[[0, 0, 9, 9], [1, 1, 8, 8]]"));
  CHECK(boxes_of(here, "b.png").size() == 1);
  const json errors = here.json("posekit-out/a.png.json")["errors"];
  REQUIRE(errors.size() == 1);
  CHECK(errors[0]["box_index"] == 1);
  CHECK(errors[0]["code"] == "invalid_argument");
}

TEST_CASE("A boxes file in an unknown form is refused before anything is written") {
  const Workplace here;
  here.image("a.png");
  const auto [document, found] = GENERATE(table<std::string, std::string>({
      {R"({"a.png": [[1, 2, 3]]})", "box 0 of \"a.png\" is [1,2,3]"},
      {R"({"a.png": [[1, 2, 3, 4, 5, 6]]})", "box 0 of \"a.png\" is [1,2,3,4,5,6]"},
      {R"({"a.png": [1, 2, 3, 4]})", "box 0 of \"a.png\" is 1"},
      {R"({"a.png": [["1", 2, 3, 4]]})", "box 0 of \"a.png\" is \"1\""},
      {R"({"a.png": {"box": [1, 2, 3, 4]}})", "the entry of \"a.png\" is an object"},
      {R"({"a.png": [[true, 2, 3, 4]]})", "box 0 of \"a.png\" is true"},
      {R"({"a.png": [[1, 2, 3, 4]])", "not valid JSON"},
      {"", "empty"},
      {"7", "the document is 7"},
      {R"("a.png")", "the document is \"a.png\""},
      {R"([{"image_id": "a.png"}])", "entry 0 is {\"image_id\":\"a.png\"}"},
      {R"([{"bbox": [1, 2, 3, 4]}])", "entry 0 is {\"bbox\":[1,2,3,4]}"},
      {R"([{"image_id": "a.png", "bbox": [1, 2, 3]}])", "entry 0.bbox is [1,2,3]"},
      {"[[1, 2, 3, 4]]", "entry 0 is [1,2,3,4]"},
      {R"({"images": [{"file_name": "a.png"}], "annotations": []})", "an entry of \"images\" is {\"file_name\":\"a.png\"}"},
      {R"({"images": [{"id": 1}], "annotations": []})", "an entry of \"images\" is {\"id\":1}"},
      {R"({"images": {}, "annotations": []})", "\"images\" is an object"},
      {R"({"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1}]})",
       "an entry of \"annotations\" is {\"image_id\":1}"},
  }));
  CAPTURE(document);
  here.text("boxes.json", document);
  const auto result = here.estimate({"a.png", "--boxes", "boxes.json"});
  CHECK((result.exit_code == 1 || result.exit_code == 2));
  check_error(result.err, "boxes file", found);
  CHECK(here.files("posekit-out").empty());
}

TEST_CASE("A boxes file of a million opening brackets is refused like any other") {
  const Workplace here;
  here.image("a.png");
  here.text("boxes.json", std::string(1000000, '['));
  const auto result = here.estimate({"a.png", "--boxes", "boxes.json"});
  CHECK(result.signal == 0);
  CHECK((result.exit_code == 1 || result.exit_code == 2));
}

TEST_CASE("A boxes file that is missing or a folder is named") {
  const Workplace here;
  here.image("a.png");
  std::filesystem::create_directory(here.path("folder"));
  const std::string file = GENERATE("nowhere.json", "folder");
  const auto result = here.estimate({"a.png", "--boxes", file});
  CHECK((result.exit_code == 1 || result.exit_code == 2));
  check_error(result.err, "boxes file", file);
}

TEST_CASE("People in COCO annotations are the category named person") {
  const Workplace here;
  here.image("a.png");
  here.text("coco.json", R"({"images": [{"id": 1, "file_name": "a.png"}],
    "categories": [{"id": 1, "name": "dog"}, {"id": 5, "name": "person"}],
    "annotations": [{"image_id": 1, "category_id": 5, "bbox": [1, 2, 30, 20]}, {"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}]})");
  CHECK(here.estimate({"a.png", "--boxes", "coco.json"}).exit_code == 0);
  CHECK(boxes_of(here, "a.png") == json::parse("[[1, 2, 31, 22]]"));
}

TEST_CASE("A box score that is not a number and a repeated file name are refused") {
  const Workplace here;
  here.image("a.png");
  const std::string document = GENERATE(R"({"a.png": [[1, 2, 30, 20, null]]})", R"({"a.png": [[1, 2, 30, 20, 1e300]]})",
                                        R"([{"image_id": "a.png", "bbox": [1, 2, 30, 20], "score": null}])",
                                        R"({"a.png": [[1, 2, 30, 20]], "a.png": [[1, 2, 3, 4]]})");
  CAPTURE(document);
  here.text("boxes.json", document);
  CHECK(here.estimate({"a.png", "--boxes", "boxes.json"}).exit_code == 2);
  CHECK(here.files("posekit-out").empty());
}
