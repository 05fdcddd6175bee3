/// What INPUT may be, and that one bad input does not stop the others.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/videos.h"
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

TEST_CASE("A named file is what its first bytes say, whatever its extension") {
  const Workplace here;
  here.image("photo.png");
  std::filesystem::rename(here.path("photo.png"), here.path("photo.mp4"));
  here.image("other.png");
  std::filesystem::rename(here.path("other.png"), here.path("other"));
  posekit_test::write_video(here.path("clip.avi"), 3);
  std::filesystem::rename(here.path("clip.avi"), here.path("clip.jpg"));
  const auto result = here.estimate({"photo.mp4", "other", "clip.jpg", "--whole-image"});
  CHECK(result.exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"clip.jpg.jsonl", "other.json", "photo.mp4.json"});
}

TEST_CASE("A phone's folder: JPEG by all its names, and one line about what was left out") {
  const Workplace here;
  here.image("phone/IMG_1.jpg");
  for (const char* name : {"y.jfif", "z.jpe", "@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_XL.jpg", ".thumbnails/t.jpg"})
    here.text(std::string("phone/") + name, here.read("phone/IMG_1.jpg"));
  here.text("phone/IMG_2.HEIC", "no JPEG");
  here.text("phone/IMG_3.heic", "no JPEG");
  here.text("phone/._IMG_1.jpg", "Mac OS X");
  std::filesystem::create_directory_symlink(".", here.path("phone/me"));
  const auto result = here.estimate({"phone", "--whole-image", "--quiet"});
  CHECK(result.exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"IMG_1.jpg.json", "y.jfif.json", "z.jpe.json"});
  CHECK(posekit_test::lines(result.err).size() == 1);
  check_error(result.err, "left out: 2 .heic, 3 hidden names, 1 linked folder", "");
}

TEST_CASE("A folder without an image says what it has") {
  const Workplace here;
  here.text("phone/a.heic", "");
  const auto result = here.run({"estimate", "phone", "--whole-image"});
  CHECK(result.exit_code == 2);
  check_error(result.err, "no image", "1 .heic");
}

TEST_CASE("Drawings and results of an earlier run are no inputs, from folders, globs and beside their originals") {
  const Workplace here;
  here.image("a.png");
  here.image("sub/b.png");
  REQUIRE(here.estimate({".", "--whole-image", "--draw"}).exit_code == 0);
  REQUIRE(here.files("posekit-out").size() == 4);
  const auto folder = here.estimate({".", "--whole-image", "-o", "second"});
  CHECK(folder.exit_code == 0);
  CHECK(here.files("second") == Names{"a.png.json", "sub/b.png.json"});
  CHECK_THAT(folder.err, ContainsSubstring("4 results of posekit"));
  REQUIRE(here.estimate({"a.png", "--whole-image", "--draw", "-o", "."}).exit_code == 0);
  here.text("photo.pose.jpg", here.read("a.png.pose.jpg"));  // of an original without extension
  here.text("photo", here.read("a.png"));
  CHECK_THAT(here.estimate({".", "--whole-image", "-o", "fourth"}).err, ContainsSubstring("left out: 1 without extension"));
  CHECK(here.files("fourth") == Names{"a.png.json", "sub/b.png.json"});
  for (const Names& inputs : {Names{"a.png*"}, Names{"a.png", "a.png.json", "a.png.pose.jpg"}}) {
    Names arguments = inputs;
    arguments.insert(arguments.end(), {"--whole-image", "-o", "third", "--overwrite"});
    const auto named = here.estimate(arguments);
    CHECK(named.exit_code == 0);
    CHECK(here.files("third") == Names{"a.png.json"});
    CHECK_THAT(named.err, ContainsSubstring("2 results of posekit"));
  }
}

TEST_CASE("A list may begin with a byte order mark, and one in UTF-16 is named") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  here.text("list.txt",
            "\xEF\xBB\xBF"
            "a.png\r\nb.png\r\n");
  CHECK(here.estimate({"@list.txt", "--whole-image"}).exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"a.png.json", "b.png.json"});
  using namespace std::string_literals;
  here.text("wide.txt",
            "\xFF\xFE"
            "a\0.\0p\0n\0g\0"s);
  const auto wide = here.estimate({"@wide.txt", "--whole-image"});
  CHECK(wide.exit_code == 2);
  check_error(wide.err, "wide.txt", "UTF-16");
}

TEST_CASE("Inputs that hold nothing are reported, and shards know of the whole") {
  const Workplace here;
  here.image("in/a.png");
  std::filesystem::create_directories(here.path("empty/deeper"));
  here.text("list.txt", "\n");
  for (const char* nothing : {"empty", "@list.txt"}) {
    const auto result = here.estimate({"in", nothing, "--whole-image"});
    CHECK(result.exit_code == 1);
    check_error(result.err, "no image or video", nothing);
  }
  int done = 0;
  for (const char* shard : {"0/2", "1/2"}) {
    const auto result = here.estimate({"in", "--whole-image", "--shard", shard, "-o", shard[0] == '0' ? "zero" : "one"});
    CHECK(result.exit_code == 0);
    done += here.has("zero/a.png.json") || here.has("one/a.png.json") ? 1 : 0;
    CHECK(here.estimate({"empty", "--whole-image", "--shard", shard}).exit_code == 1);
  }
  CHECK(done > 0);
}

TEST_CASE("A list with zero bytes, a pattern with ** and an empty option are refused") {
  const Workplace here;
  here.image("a.png");
  here.image("p/q/b.png");
  using namespace std::string_literals;
  here.text("list.txt", "a.png\0p/q/b.png\0"s);
  const auto list = here.estimate({"@list.txt", "--whole-image"});
  CHECK(list.exit_code == 2);
  check_error(list.err, "list.txt", "zero bytes");
  const auto pattern = here.estimate({"a.png", "p/**/*.png", "--whole-image"});
  CHECK(pattern.exit_code == 1);
  check_error(pattern.err, "p/**/*.png", "**");
  for (const char* option : {"--boxes", "--model", "--detector", "--annotations", "--metadata", "--preset", "--sha256", "--output"})
    CHECK(here.run({"estimate", "a.png", option, ""}).exit_code == 2);
}

TEST_CASE("A file or folder whose name begins with @ is an input where there is no list of that name") {
  const Workplace here;
  here.image("@photo.png");
  here.image("@folder/a.png");
  CHECK(here.estimate({"@photo.png", "@folder", "--whole-image"}).exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"@photo.png.json", "a.png.json"});
}

TEST_CASE("A few bytes that begin like a video are no reason to stop") {
  const Workplace here;
  here.image("a.png");
  here.text("short.jpg", "RIFF");
  here.text("in/short.ts", "RIFFxx");
  const auto result = here.estimate({"short.jpg", "a.png", "in", "--whole-image"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "short.jpg");
  CHECK(here.has("posekit-out/a.png.json"));
}

TEST_CASE("Photos in the output folder are inputs") {
  const Workplace here;
  here.image("a.png");
  here.image("day1/b.png");
  CHECK(here.estimate({".", "--whole-image", "-o", "day1"}).exit_code == 0);
  CHECK(here.has("day1/day1/b.png.json"));
  const auto again = here.estimate({".", "--whole-image", "-o", "day1", "--quiet"});
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.err, !ContainsSubstring("of posekit"));  // results in its own folder are not counted
}
