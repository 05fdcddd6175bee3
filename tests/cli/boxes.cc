/// --boxes: its three forms, what is wrong in them, and boxes that are no boxes.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using posekit_test::check_error;
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

TEST_CASE("The path as given comes before the file name") {
  const Workplace here;
  here.image("in/a.png");
  here.text("boxes.json", R"({"a.png": [[0, 0, 9, 9]], "in/a.png": [[1, 1, 5, 5]]})");
  CHECK(here.estimate({"in/a.png", "--boxes", "boxes.json"}).exit_code == 0);
  CHECK(boxes_of(here, "a.png") == json::parse("[[1, 1, 5, 5]]"));
}

TEST_CASE("An image without an entry has zero people and a note") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  here.text("boxes.json", R"({"a.png": [[0, 0, 9, 9]]})");
  const auto result = here.estimate({"a.png", "b.png", "--boxes", "boxes.json"});
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.err, ContainsSubstring("note") && ContainsSubstring("b.png"));
  CHECK(boxes_of(here, "b.png") == json::array());
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
      {R"({"a.png": {"box": [1, 2, 3, 4]}})", "the entry of \"a.png\" is {\"box\":[1,2,3,4]}"},
      {R"({"a.png": [[true, 2, 3, 4]]})", "box 0 of \"a.png\" is true"},
      {R"({"a.png": [[1, 2, 3, 4]])", "not valid JSON"},
      {"", "not valid JSON"},
      {"7", "the document is 7"},
      {R"("a.png")", "the document is \"a.png\""},
      {R"([{"image_id": "a.png"}])", "entry 0 is {\"image_id\":\"a.png\"}"},
      {R"([{"bbox": [1, 2, 3, 4]}])", "entry 0 is {\"bbox\":[1,2,3,4]}"},
      {R"([{"image_id": "a.png", "bbox": [1, 2, 3]}])", "entry 0.bbox is [1,2,3]"},
      {"[[1, 2, 3, 4]]", "entry 0 is [1,2,3,4]"},
      {R"({"images": [{"file_name": "a.png"}], "annotations": []})", "an entry of \"images\" is {\"file_name\":\"a.png\"}"},
      {R"({"images": [{"id": 1}], "annotations": []})", "an entry of \"images\" is {\"id\":1}"},
      {R"({"images": {}, "annotations": []})", "\"images\" is {}"},
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
