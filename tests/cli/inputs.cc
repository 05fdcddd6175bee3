/// What INPUT may be, and that one bad input does not stop the others.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using posekit_test::check_error;
using posekit_test::Workplace;
using Names = std::vector<std::string>;

TEST_CASE("A folder is searched with its sub-folders, and the results keep them") {
  const Workplace here;
  here.image("photos/b.png");
  here.image("photos/sub/deep/a.JPG");
  here.text("photos/readme.txt", "no image");
  const auto result = here.estimate({"photos", "--whole-image"});
  CHECK(result.exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"b.png.json", "sub/deep/a.JPG.json"});
  CHECK(here.json("posekit-out/b.png.json")["image"]["path"] == "photos/b.png");
}

TEST_CASE("The images of a folder are processed in sorted order") {
  const Workplace here;
  for (const char* name : {"in/c.png", "in/a.png", "in/b.png"}) here.image(name);
  const auto result = here.estimate({"in", "--whole-image", "-o", "-"});
  Names order;
  for (const std::string& line : posekit_test::lines(result.out)) order.push_back(nlohmann::json::parse(line)["image"]["path"]);
  CHECK(order == Names{"in/a.png", "in/b.png", "in/c.png"});
}

TEST_CASE("Results of several folders begin with the folder's name, with or without a final slash") {
  const Workplace here;
  here.image("x/one/a.png");
  here.image("y/two/a.png");
  const auto result = here.estimate({"x/one/", "y/two", "--whole-image"});
  CHECK(result.exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"one/a.png.json", "two/a.png.json"});
}

TEST_CASE("Files, a folder, a glob and a list mix") {
  const Workplace here;
  for (const char* name : {"file.png", "folder/in.png", "glob/g1.png", "glob/g2.png", "far/listed.png"}) here.image(name);
  here.text("list.txt", "far/listed.png\r\n\n");
  const auto result = here.estimate({"file.png", "folder", "glob/g*.png", "@list.txt", "--whole-image"});
  CHECK(result.exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"file.png.json", "g1.png.json", "g2.png.json", "in.png.json", "listed.png.json"});
}

TEST_CASE("An image whose name looks like a pattern is used as it is") {
  const Workplace here;
  here.image("a[1].png");
  const auto result = here.estimate({"a[1].png", "--whole-image"});
  CHECK(result.exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"a[1].png.json"});
}

TEST_CASE("Each bad input among good ones is reported, and only they fail") {
  const Workplace here;
  here.image("good1.png");
  here.image("good2.png");
  here.text("text.jpg", "this is no image");
  here.text("empty.png", "");
  const std::string whole = here.read(here.image("whole.png", 200, 200));
  here.text("cut.png", whole.substr(0, whole.size() / 2));
  const auto result = here.estimate(
      {"good1.png", "text.jpg", "missing.png", "empty.png", "cut.png", "nothing*.png", "clip.mp4", "good2.png", "--whole-image"});
  CHECK(result.exit_code == 1);
  for (const char* name : {"text.jpg", "missing.png", "empty.png", "cut.png", "nothing*.png", "clip.mp4"}) check_error(result.err, name);
  CHECK_THAT(result.err, ContainsSubstring("6 of 8"));
  CHECK(here.files("posekit-out") == Names{"good1.png.json", "good2.png.json"});
}

TEST_CASE("A run that finds no image is an error") {
  const Workplace here;
  std::filesystem::create_directory(here.path("hollow"));
  const auto result = here.estimate({"hollow", "--whole-image"});
  CHECK(result.exit_code != 0);
  check_error(result.err, "no image");
}

TEST_CASE("A missing list is named and is an error") {
  const Workplace here;
  const auto result = here.estimate({"@nowhere.txt", "--whole-image"});
  CHECK(result.exit_code != 0);
  check_error(result.err, "list", "nowhere.txt");
}

TEST_CASE("A list and a glob may name folders") {
  const Workplace here;
  here.image("in/one/a.png");
  here.image("in/two/b.png");
  here.text("list.txt", "in/one\nin/two\n");
  CHECK(here.estimate({"@list.txt", "--whole-image", "-o", "list"}).exit_code == 0);
  CHECK(here.files("list") == Names{"one/a.png.json", "two/b.png.json"});
  CHECK(here.estimate({"in/*", "--whole-image", "-o", "glob"}).exit_code == 0);
  CHECK(here.files("glob") == Names{"one/a.png.json", "two/b.png.json"});
}

TEST_CASE("A dangling link to an image is reported, not skipped") {
  const Workplace here;
  here.image("in/a.png");
  std::filesystem::create_symlink("nowhere.png", here.path("in/link.png"));
  const auto result = here.estimate({"in", "--whole-image"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "link.png");
  CHECK(here.files("posekit-out") == Names{"a.png.json"});
}

TEST_CASE("A list may come through a pipe") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  REQUIRE(here.estimate({"a.png", "--whole-image", "-o", "warm"}).exit_code == 0);  // makes the model
  const auto result = here.command(
      {"sh", "-c", "printf 'a.png\\nb.png\\n' | '" + posekit_test::program() + "' estimate @/dev/stdin -m model.pt --whole-image -o out"});
  CHECK(result.exit_code == 0);
  CHECK(here.files("out") == Names{"a.png.json", "b.png.json"});
}

TEST_CASE("Results beside their images are not inputs of the next run") {
  const Workplace here;
  here.image("one/a.png");
  here.image("two/b.png");
  for (int run = 0; run < 2; ++run) CHECK(here.estimate({"one", "two", "--whole-image", "-o", ".", "--draw"}).exit_code == 0);
  CHECK(here.files("one") == Names{"a.png", "a.png.json", "a.png.pose.jpg"});
}
