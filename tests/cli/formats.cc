/// The forms of results that other tools read, and the crops of people.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "posekit/image_io.h"
#include "support/videos.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using nlohmann::json;
using posekit_test::check_error;
using posekit_test::Workplace;
using posekit_test::write_video;
using Names = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

/// The first columns of each row behind the header, up to the path.
Names rows_of(const std::string& csv) {
  Names rows = posekit_test::lines(csv);
  REQUIRE(!rows.empty());
  CHECK_THAT(rows[0], StartsWith("result,path,frame,"));
  rows.erase(rows.begin());
  for (std::string& row : rows) row.resize(row.find('"', row.find('"') + 1) + 1);
  return rows;
}

Names columns_of(const std::string& row) {
  Names columns(1);
  for (const char c : row) {
    if (c == ',') columns.emplace_back();
    if (c != ',') columns.back() += c;
  }
  return columns;
}

/// `posekit estimate` of whole images with a model whose keypoints OpenPose has.
posekit_test::ProcessResult estimate_for_openpose(const Workplace& here, Names arguments) {
  here.model("nose.pt", "0.25", R"({"name": "two", "keypoints": [{"name": "nose", "swap": 0}, {"name": "left_eye", "swap": 1}]})");
  arguments.insert(arguments.begin(), {"estimate", "-m", "nose.pt", "--torch-threads", "1", "--whole-image", "--format", "openpose"});
  return here.run(std::move(arguments));
}

}  // namespace

TEST_CASE("A table has the results of all inputs in their order, with broken ones in their places") {
  const Workplace here;
  for (const char* name : {"in/a.png", "in/c.png", "in/e.png"}) here.image(name);
  here.text("in/b.jpg", "no image");
  here.text("in/d.jpg", "no image");
  const std::string executor = GENERATE("serial", "pool");
  const auto result = here.estimate({"in", "missing.png", "--whole-image", "--format", "csv", "--executor", executor});
  CHECK(result.exit_code == 1);
  CHECK(here.files("posekit-out") == Names{"results.csv"});
  CHECK(rows_of(here.read("posekit-out/results.csv")) == Names{"0,\"in/a.png\"", "0,\"in/a.png\"", "1,\"in/b.jpg\"", "2,\"in/c.png\"",
                                                               "2,\"in/c.png\"", "3,\"in/d.jpg\"", "4,\"in/e.png\"", "4,\"in/e.png\"",
                                                               "5,\"missing.png\""});
  const Names broken = columns_of(posekit_test::lines(here.read("posekit-out/results.csv"))[3]);
  CHECK(broken[18] == "\"io\"");
  CHECK_THAT(broken[19], ContainsSubstring("is not an image"));

  const auto again = here.estimate({"in", "--whole-image", "--format", "csv"});
  CHECK(again.exit_code == 2);
  check_error(again.err, "results.csv", "--overwrite");
}

TEST_CASE("A table's rows of a video have each frame and its time, and count on from the images") {
  const Workplace here;
  here.image("a.png");
  write_video(here.path("b.avi"), 3);
  const auto result = here.estimate({"a.png", "b.avi", "--whole-image", "--format", "csv", "-o", "-", "--no-track"});
  CHECK(result.exit_code == 0);
  const Names rows = posekit_test::lines(result.out);
  REQUIRE(rows.size() == 1 + 2 * 4);
  for (std::size_t i = 1; i < 4; ++i) {
    const Names columns = columns_of(rows[1 + 2 * i]);
    CHECK(columns[0] == std::to_string(i));
    CHECK(columns[1] == "\"b.avi\"");
    CHECK(columns[2] == std::to_string(i - 1));
    CHECK_FALSE(columns[3].empty());
    CHECK(columns[14] == "\"head\"");
  }
  CHECK_FALSE(here.has("posekit-out"));
}

TEST_CASE("A table's rows of a video that is cut off end with the error") {
  const Workplace here;
  write_video(here.path("a.avi"), 20);
  posekit_test::cut_off(here.path("a.avi"), 0.7);
  here.image("b.png");
  const auto result = here.estimate({"a.avi", "b.png", "--whole-image", "--format", "csv", "-o", "-", "--no-track", "--quiet"});
  CHECK(result.exit_code == 1);
  const Names rows = posekit_test::lines(result.out);
  REQUIRE(rows.size() > 5);
  const Names broken = columns_of(rows[rows.size() - 3]);
  CHECK(std::stoul(broken[0]) == std::stoul(columns_of(rows[rows.size() - 4])[0]) + 1);
  CHECK(broken[2].empty());
  CHECK(broken[18] == "\"io\"");
  CHECK_THAT(broken[19], ContainsSubstring("is cut off"));
  CHECK(columns_of(rows.back())[1] == "\"b.png\"");
}

TEST_CASE("A table of nothing but failures has their rows; the models are not even loaded") {
  const Workplace here;
  here.text("a.png", "no image");
  const auto result = here.run({"estimate", "a.png", "b.mp4", "-m", "missing.pt", "--whole-image", "--format", "csv", "-o", "-"});
  CHECK(result.exit_code == 1);
  CHECK(rows_of(result.out) == Names{"0,\"a.png\"", "1,\"b.mp4\""});
}

TEST_CASE("A dataset has images, people and the category, with ids of its own or those of the annotations") {
  const Workplace here;
  here.image("in/a.png", 40, 20);
  here.image("in/sub/b.png", 30, 30);
  CHECK(here.estimate({"in", "--whole-image", "--format", "coco-dataset"}).exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"dataset.json"});
  const json own = here.json("posekit-out/dataset.json");
  CHECK(own["images"] == json::parse(R"([{"id": 1, "file_name": "a.png", "width": 40, "height": 20},
                                         {"id": 2, "file_name": "sub/b.png", "width": 30, "height": 30}])"));
  REQUIRE(own["annotations"].size() == 2);
  CHECK(own["annotations"][1]["id"] == 2);
  CHECK(own["annotations"][1]["image_id"] == 2);
  CHECK(own["annotations"][1]["bbox"] == json({0, 0, 30, 30}));
  CHECK(own["categories"][0]["keypoints"] == json({"head", "tail"}));

  here.text("anno.json", R"({"images": [{"id": 70, "file_name": "a.png"}, {"id": 80, "file_name": "sub/b.png"}], "annotations": []})");
  const Names given{"in", "--whole-image", "--format", "coco-dataset", "--annotations", "anno.json", "-o", "given"};
  CHECK(here.estimate(given).exit_code == 0);
  CHECK(here.json("given/dataset.json")["images"][1]["id"] == 80);

  here.image("other/a.png");
  const auto twice = here.estimate({"in", "other", "--whole-image", "--format", "coco-dataset", "-o", "twice"});
  CHECK(twice.exit_code == 0);  // in/a.png and other/a.png
  here.image("x/in/a.png");
  const auto same = here.estimate({"in", "x/in", "--whole-image", "--format", "coco-dataset", "-o", "same"});
  CHECK(same.exit_code == 2);
  check_error(same.err, "a.png", "file_name");
}

TEST_CASE("OpenPose's form is a file for each image, and a folder for each video with one for each frame") {
  const Workplace here;
  here.image("a.jpg");
  write_video(here.path("b.avi"), 3);
  const Names command{"a.jpg", "b.avi", "--no-track", "--quiet"};
  CHECK(estimate_for_openpose(here, command).exit_code == 0);
  const Names files{"a.jpg_keypoints.json", "b.avi_keypoints/b.avi_000000000000_keypoints.json",
                    "b.avi_keypoints/b.avi_000000000001_keypoints.json", "b.avi_keypoints/b.avi_000000000002_keypoints.json"};
  CHECK(here.files("posekit-out") == files);
  CHECK(here.json("posekit-out/a.jpg_keypoints.json")["people"][0]["pose_keypoints_2d"].size() == 75);

  const auto again = estimate_for_openpose(here, command);
  CHECK(again.exit_code == 1);
  check_error(again.err, "a.jpg", "--overwrite");
  check_error(again.err, "b.avi", "--overwrite");
  fs::remove(here.path("b.avi"));
  write_video(here.path("b.avi"), 2);  // what is left of the longer one goes
  Names overwrite = command;
  overwrite.emplace_back("--overwrite");
  CHECK(estimate_for_openpose(here, overwrite).exit_code == 0);
  CHECK(here.files("posekit-out") == Names(files.begin(), files.begin() + 3));

  Names printed = command;
  printed.insert(printed.end(), {"-o", "-"});
  const auto lines = posekit_test::lines(estimate_for_openpose(here, printed).out);
  REQUIRE(lines.size() == 3);
  CHECK(json::parse(lines[0]) == here.json("posekit-out/a.jpg_keypoints.json"));
}

TEST_CASE("A model without OpenPose's points ends the run once, before anything is written") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  const auto result = here.estimate({"a.png", "b.png", "--whole-image", "--format", "openpose"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "pair", "BODY_25");
  CHECK(posekit_test::lines(result.err).size() == 1);
  CHECK_FALSE(here.has("posekit-out"));
}

TEST_CASE("Parquet is refused with the command that writes it") {
  const Workplace here;
  here.image("a.png");
  const auto result = here.estimate({"a.png", "--whole-image", "--format", "parquet"});
  CHECK(result.exit_code == 2);
  CHECK_THAT(result.err, ContainsSubstring("python -m posekit estimate INPUT... --format parquet"));
}

TEST_CASE("Videos have no place in COCO files, and standard output has none for crops") {
  const Workplace here;
  write_video(here.path("a.avi"), 2);
  const std::string format = GENERATE("coco", "coco-dataset");
  const auto video = here.estimate({"a.avi", "--whole-image", "--format", format});
  CHECK(video.exit_code == 1);
  check_error(video.err, "a.avi", "--format json");
  const auto crops = here.estimate({"a.avi", "--whole-image", "--save-crops", "-o", "-"});
  CHECK(crops.exit_code == 2);
  check_error(crops.err, "--save-crops", "-o FOLDER");
}

TEST_CASE("Crops are the image's pixels from the box's first to its last, as far as the image goes") {
  const Workplace here;
  fs::copy(posekit_test::source_dir() / "examples/images/astronaut.jpg", here.path("a.jpg"));
  here.text("boxes.json", R"({"a.jpg": [[100, 50, 299.4, 249.6], [-50, -50, 90, 550]]})");
  CHECK(here.estimate({"a.jpg", "--boxes", "boxes.json", "--save-crops"}).exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"a.jpg.crops/0.jpg", "a.jpg.crops/1.jpg", "a.jpg.json"});
  const auto image = posekit::read_image(here.path("a.jpg"));
  const auto check = [&](const char* name, int left, int top, int width, int height) {
    const auto crop = posekit::read_image(here.path(name));
    REQUIRE(crop.width == width);
    REQUIRE(crop.height == height);
    double difference = 0;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < 3 * width; ++x) {
        const auto at = static_cast<std::size_t>((top + y) * image.width * 3 + left * 3 + x);
        difference += std::abs(image.pixels[at] - crop.pixels[static_cast<std::size_t>(y * width * 3 + x)]);
      }
    }
    CHECK(difference / (3.0 * width * height) < 4);  // JPEG
  };
  check("posekit-out/a.jpg.crops/0.jpg", 100, 50, 200, 201);
  check("posekit-out/a.jpg.crops/1.jpg", 0, 0, 91, 512);
}

TEST_CASE("Crops belong to their result: they are made again where one is missing, and go with a result that has none") {
  const Workplace here;
  here.image("in/a.png", 60, 40);
  here.text("two.json", R"({"in/a.png": [[10, 5, 29, 24], [0, 0, 9, 9]]})");
  here.text("one.json", R"({"in/a.png": [[10, 5, 29, 24]]})");
  const Names both{"posekit-out/a.png.crops/0.jpg", "posekit-out/a.png.crops/1.jpg"};
  const auto run = [&](const char* boxes, Names more) {
    Names arguments{"in", "--boxes", boxes, "-o", "posekit-out"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return here.estimate(arguments);
  };
  CHECK(run("two.json", {}).exit_code == 0);
  CHECK_FALSE(here.has("posekit-out/a.png.crops"));
  CHECK(run("two.json", {"--save-crops"}).exit_code == 0);
  for (const std::string& file : both) CHECK(here.has(file));
  CHECK_THAT(run("two.json", {"--save-crops"}).err, ContainsSubstring("a.png: done before"));
  CHECK_THAT(run("two.json", {}).err, ContainsSubstring("a.png: done before"));
  fs::remove(here.path(both[1]));
  CHECK(run("two.json", {"--save-crops"}).exit_code == 0);
  CHECK(here.has(both[1]));
  here.text("posekit-out/a.png.crops/mine.txt", "not posekit's");
  CHECK(run("one.json", {"--save-crops"}).exit_code == 0);
  CHECK(here.files("posekit-out/a.png.crops") == Names{"0.jpg", "mine.txt"});
  CHECK(run("two.json", {}).exit_code == 0);
  CHECK(here.files("posekit-out/a.png.crops") == Names{"mine.txt"});
}

TEST_CASE("Crops of a video have the frame's number, and no crop is an input of a later run") {
  const Workplace here;
  write_video(here.path("in/b.avi"), 2);
  CHECK(here.estimate({"in", "--whole-image", "--save-crops", "--no-track", "-o", "in"}).exit_code == 0);
  CHECK(here.files("in") == Names{"b.avi", "b.avi.crops/000000_0.jpg", "b.avi.crops/000001_0.jpg", "b.avi.jsonl"});
  const auto again = here.estimate({"in", "--whole-image", "--save-crops", "--no-track", "-o", "in"});
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.err, ContainsSubstring("b.avi: done before"));
  CHECK(posekit_test::lines(here.estimate({"in", "--whole-image", "-o", "-", "--no-track", "--quiet"}).out).size() == 2);
}

TEST_CASE("Names that results would write alike are refused for documents that tell images by them") {
  const Workplace here;
  here.image("a\xff.png");
  here.image("a\xfe.png");
  const std::string format = GENERATE("coco", "coco-dataset");
  const auto result = here.estimate({"a\xff.png", "a\xfe.png", "--whole-image", "--format", format});
  CHECK(result.exit_code == 2);
  CHECK_THAT(result.err, ContainsSubstring("process them in separate runs"));
}

TEST_CASE("A file with a crops folder's name, and what a link of that name leads to, stay as they are") {
  const Workplace here;
  here.image("a.png");
  here.text("posekit-out/a.png.crops", "mine");
  CHECK(here.estimate({"a.png", "--whole-image", "--save-crops"}).exit_code == 1);
  CHECK(here.read("posekit-out/a.png.crops") == "mine");

  here.image("b.png");
  here.text("album/0.jpg", "mine");
  fs::create_directory_symlink(here.path("album"), here.path("posekit-out/b.png.crops"));
  const auto linked = here.estimate({"b.png", "--whole-image", "--save-crops"});
  CHECK(linked.exit_code == 1);
  check_error(linked.err, "b.png.crops", "-o");
  CHECK(here.read("album/0.jpg") == "mine");
}

TEST_CASE("Crops of a result are not replaced by a run in another format, unless that is asked for") {
  const Workplace here;
  here.image("a.png");
  REQUIRE(here.estimate({"a.png", "--whole-image", "--save-crops"}).exit_code == 0);
  const auto table = here.estimate({"a.png", "--whole-image", "--save-crops", "--format", "csv"});
  CHECK(table.exit_code == 1);
  check_error(table.err, "a.png.crops", "--overwrite");
  CHECK(here.estimate({"a.png", "--whole-image", "--save-crops", "--format", "csv", "--overwrite"}).exit_code == 0);
}

TEST_CASE("Files of others in the folder of a video's frames stay, without --overwrite those of its own form too") {
  const Workplace here;
  write_video(here.path("b.avi"), 2);
  const std::string folder = "posekit-out/b.avi_keypoints/";
  here.text(folder + "other_000000000007_keypoints.json", "mine");
  here.text(folder + "b.avi_000000000009_keypoints.json", "mine");
  const Names command{"b.avi", "--no-track", "--quiet"};
  CHECK(estimate_for_openpose(here, command).exit_code == 0);
  CHECK(here.read(folder + "b.avi_000000000009_keypoints.json") == "mine");
  Names overwrite = command;
  overwrite.emplace_back("--overwrite");
  CHECK(estimate_for_openpose(here, overwrite).exit_code == 0);
  CHECK_FALSE(here.has(folder + "b.avi_000000000009_keypoints.json"));
  CHECK(here.read(folder + "other_000000000007_keypoints.json") == "mine");
}
