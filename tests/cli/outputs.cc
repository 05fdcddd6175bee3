/// What is written, where, and what is never written.
#include <signal.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "posekit/image_io.h"
#include "support/videos.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using posekit_test::check_error;
using posekit_test::ProcessOptions;
using posekit_test::Workplace;
using Names = std::vector<std::string>;

TEST_CASE("A result holds the image as given, its size, the model, the people and how long each stage took") {
  const Workplace here;
  here.image("in/a.png", 80, 40);
  CHECK(here.estimate({"in/a.png", "--whole-image"}).exit_code == 0);
  const json result = here.json("posekit-out/a.png.json");
  CHECK(result["format"] == "posekit-result/1");
  CHECK(result["image"] == json::parse(R"({"path": "in/a.png", "width": 80, "height": 40})"));
  CHECK(result["model"]["keypoints"] == "pair");
  CHECK(result["meta_info"]["keypoint_names"] == json({"head", "tail"}));
  CHECK(result["meta_info"]["skeleton_links"] == json::parse("[[0, 1]]"));
  REQUIRE(result["instance_info"].size() == 1);
  CHECK(result["instance_info"][0]["bbox"] == json({0, 0, 80, 40}));
  CHECK(result["instance_info"][0]["bbox_score"] == 1);
  CHECK_FALSE(result.contains("errors"));
  CHECK(result["timings_ms"]["decode"] > 0);
  CHECK(result["timings_ms"]["inference"] > 0);
}

TEST_CASE("Files that differ only in their extension write results of their own") {
  const Workplace here;
  here.image("a.png");
  here.image("a.jpg");
  CHECK(here.estimate({"a.png", "a.jpg", "--whole-image", "--draw", "-o", "out"}).exit_code == 0);
  CHECK(here.files("out") == Names{"a.jpg.json", "a.jpg.pose.jpg", "a.png.json", "a.png.pose.jpg"});
}

TEST_CASE("A drawing has the image's size and shows something") {
  const Workplace here;
  here.image("a.png", 90, 70);
  CHECK(here.estimate({"a.png", "--whole-image", "--draw"}).exit_code == 0);
  CHECK(here.estimate({"a.png", "--whole-image", "--draw", "--draw-min-score", "2", "-o", "bare"}).exit_code == 0);
  const auto drawn = posekit::read_image(here.path("posekit-out/a.png.pose.jpg"));
  CHECK(drawn.width == 90);
  CHECK(drawn.height == 70);
  CHECK(drawn.pixels != posekit::read_image(here.path("bare/a.png.pose.jpg")).pixels);
}

TEST_CASE("Two inputs that would write one output are refused before anything runs") {
  const Workplace here;
  here.image("x/a.png");
  here.image("y/a.png");
  const auto result = here.estimate({"x/a.png", "y/a.png", "--whole-image"});
  CHECK(result.exit_code == 2);
  check_error(result.err, "x/a.png", "y/a.png");
  CHECK(here.files("posekit-out").empty());
}

TEST_CASE("A picture with the name of a drawing is neither an input nor replaced") {
  const Workplace here;
  here.image("a.png");
  here.image("a.png.pose.jpg");
  const std::string before = here.read("a.png.pose.jpg");
  const auto result = here.estimate({"a.png", "./a.png.pose.jpg", "--whole-image", "--draw", "-o", "."});
  CHECK(result.exit_code == 1);
  check_error(result.err, "a.png.pose.jpg", "is not a drawing");
  CHECK_THAT(result.err, ContainsSubstring("1 result of posekit"));
  CHECK(here.read("a.png.pose.jpg") == before);
}

TEST_CASE("All names in a folder, its results among them, can be inputs of the same command again") {
  const Workplace here;
  here.image("photos/a.png");
  for (int run = 0; run < 2; ++run) {
    Names arguments;
    for (const std::string& file : here.files("photos")) arguments.push_back("photos/" + file);
    arguments.insert(arguments.end(), {"--whole-image", "--draw", "-o", "photos"});
    CHECK(here.estimate(arguments).exit_code == 0);
  }
  const auto missing = here.estimate({"photos/a.png", "photos/b.png.json", "--whole-image"});
  CHECK(missing.exit_code == 1);
  check_error(missing.err, "photos/b.png.json");
}

TEST_CASE("A second run processes only what is missing, with --overwrite everything") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  REQUIRE(here.estimate({"a.png", "b.png", "--whole-image"}).exit_code == 0);
  const std::string original = here.read("posekit-out/a.png.json");
  std::filesystem::remove(here.path("posekit-out/b.png.json"));

  const auto second = here.estimate({"a.png", "b.png", "--whole-image"});
  CHECK(second.exit_code == 0);
  CHECK_THAT(second.err, ContainsSubstring("a.png: done before"));
  CHECK(here.read("posekit-out/a.png.json") == original);
  CHECK(here.has("posekit-out/b.png.json"));

  CHECK(here.estimate({"a.png", "b.png", "--whole-image", "--overwrite"}).exit_code == 0);
  CHECK(here.read("posekit-out/a.png.json") != original);  // the times
  CHECK(json::parse(here.read("posekit-out/a.png.json"))["instance_info"] == json::parse(original)["instance_info"]);
}

TEST_CASE("A second run with --draw makes the missing drawings") {
  const Workplace here;
  here.image("a.png");
  REQUIRE(here.estimate({"a.png", "--whole-image"}).exit_code == 0);
  CHECK(here.estimate({"a.png", "--whole-image", "--draw"}).exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"a.png.json", "a.png.pose.jpg"});
}

TEST_CASE("Output - writes one JSON line for each image to standard output, and no file") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  const auto result = here.estimate({"a.png", "missing.png", "b.png", "--whole-image", "-o", "-"});
  CHECK(result.exit_code == 1);
  const auto found = posekit_test::lines(result.out);
  REQUIRE(found.size() == 2);
  CHECK(json::parse(found[0])["image"]["path"] == "a.png");
  CHECK(json::parse(found[1])["image"]["path"] == "b.png");
  CHECK(result.out.ends_with('\n'));
  CHECK(here.files(".") == Names{"a.png", "b.png", "model.pt"});
}

TEST_CASE("Results that can't be written to standard output are an error") {
  const Workplace here;
  here.image("a.png");
  ProcessOptions full;
  full.stdout_file = "/dev/full";
  CHECK(here.estimate({"a.png", "--whole-image", "-o", "-"}, full).exit_code == 1);
}

TEST_CASE("COCO results go to one file, by file name, or to standard output") {
  const Workplace here;
  here.image("in/a.png", 40, 40);
  here.image("in/b.png", 40, 40);
  CHECK(here.estimate({"in", "--whole-image", "--format", "coco"}).exit_code == 0);
  CHECK(here.files("posekit-out") == Names{"results.json"});
  const json results = here.json("posekit-out/results.json");
  REQUIRE(results.size() == 2);
  CHECK(results[0]["image_id"] == "a.png");
  CHECK(results[1]["image_id"] == "b.png");
  CHECK(results[0]["keypoints"].size() == 6);
  CHECK(std::abs(results[0]["score"].get<double>() - 0.85) < 1e-6);
  const auto printed = here.estimate({"in", "--whole-image", "--format", "coco", "-o", "-"});
  CHECK(json::parse(printed.out) == results);
}

TEST_CASE("COCO results without people are an empty list") {
  const Workplace here;
  here.image("a.png");
  here.text("boxes.json", R"({"a.png": []})");
  CHECK(here.estimate({"a.png", "--boxes", "boxes.json", "--format", "coco"}).exit_code == 0);
  CHECK(here.json("posekit-out/results.json") == json::array());
}

TEST_CASE("Progress without a terminal is a line for each image, and none with --quiet") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  const auto plain = here.estimate({"a.png", "b.png", "--whole-image"});
  CHECK_THAT(plain.err, ContainsSubstring("[1/2] a.png: 1 person\n") && ContainsSubstring("[2/2] b.png: 1 person\n"));
  CHECK(plain.out.empty());
  const auto quiet = here.estimate({"a.png", "b.png", "--whole-image", "--quiet", "--overwrite"});
  CHECK(quiet.exit_code == 0);
  CHECK(quiet.err.empty());
  const auto bad = here.estimate({"missing.png", "--whole-image", "--quiet"});
  check_error(bad.err, "missing.png");
}

TEST_CASE("Progress on a terminal is a bar with rate and time left") {
  const Workplace here;
  here.image("a.png");
  here.image("b.png");
  ProcessOptions terminal;
  terminal.stderr_terminal = true;
  terminal.environment["TERM"] = "xterm";
  const auto result = here.estimate({"a.png", "b.png", "--whole-image"}, terminal);
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.err, ContainsSubstring("\r") && ContainsSubstring("2/2") && ContainsSubstring("/s") && ContainsSubstring("left"));
}

TEST_CASE("Ctrl-C ends a run soon, with exit code 130 and whole lines only") {
  const Workplace here;
  here.image("a.png");
  std::string list;
  for (int i = 0; i < 100000; ++i) list += "a.png\n";
  here.text("list.txt", list);
  ProcessOptions interrupted;
  interrupted.signal_at_output = SIGINT;
  const auto result = here.estimate({"@list.txt", "--whole-image", "-o", "-", "--quiet"}, interrupted);
  CHECK_FALSE(result.timed_out);
  CHECK(result.exit_code == 130);
  const auto found = posekit_test::lines(result.out);
  CHECK(found.size() < 100000);
  CHECK(result.out.ends_with('\n'));
  for (const std::string& line : found) REQUIRE(json::accept(line));
}

TEST_CASE("A run ends at once, as other programs do, when the reader of its results has gone") {
  const Workplace here;
  here.image("a.png");
  posekit_test::write_video(here.path("clip.avi"), 5000);
  std::string list;
  for (int i = 0; i < 100000; ++i) list += "a.png\n";
  here.text("list.txt", list);
  REQUIRE(here.estimate({"a.png", "--whole-image", "-o", "warm"}).exit_code == 0);  // makes the model
  const std::string input = GENERATE("@list.txt", "clip.avi");
  const std::string threads = GENERATE("1", "2");
  CAPTURE(input, threads);
  ProcessOptions closed;
  closed.close_at_output = true;
  const auto result = here.run({"estimate", input, "a.png", "-m", "model.pt", "--whole-image", "-o", "-", "--threads", threads}, closed);
  CHECK_FALSE(result.timed_out);
  CHECK(result.signal == SIGPIPE);
  CHECK_THAT(result.err, !ContainsSubstring("posekit: "));
  CHECK(posekit_test::lines(result.err).size() < 5000);

  const std::string ignoring = "trap '' PIPE; exec '" + posekit_test::program() + "' estimate " + input +
                               " a.png -m model.pt --whole-image -o - --quiet --threads " + threads;
  const auto other = here.command({"sh", "-c", ignoring}, closed);
  CHECK_FALSE(other.timed_out);
  CHECK(other.exit_code == 1);
  CHECK(posekit_test::lines(other.err).size() == 1);
  check_error(other.err, "standard output", "has gone");
}

TEST_CASE("Descriptions and measurements end when their reader has closed") {
  const Workplace here;
  here.image("a.png");
  REQUIRE(here.estimate({"a.png", "--whole-image"}).exit_code == 0);  // makes the model
  ProcessOptions closed;
  closed.close_at_output = true;
  const std::vector<std::string> bench{"bench", "model.pt", "--seconds", "0.3", "--batch", "1,2,3,4,5,6,7,8", "--threads", "1,2"};
  const auto result = here.run(bench, closed);
  CHECK_FALSE(result.timed_out);
  CHECK(result.signal == SIGPIPE);
  CHECK(posekit_test::lines(result.out).size() < 16);
  for (const std::string command : {"inspect model.pt", "bench model.pt --seconds 0 --batch 1 --threads 1 --json -"}) {
    CAPTURE(command);
    const auto unread = here.command({"sh", "-c", "'" + posekit_test::program() + "' " + command + " | true"});
    CHECK_FALSE(unread.timed_out);
    CHECK(unread.err.empty());
  }
}

TEST_CASE("The boxes file is not replaced by the results made from it") {
  const Workplace here;
  here.image("a.png");
  here.text("out/results.json", R"([{"image_id": "a.png", "bbox": [1, 2, 30, 20], "score": 0.5}])");
  here.text("out/a.png.json", R"({"a.png": [[1, 2, 30, 20]]})");
  CHECK(here.estimate({"a.png", "--boxes", "out/results.json", "-o", "out", "--format", "coco", "--overwrite"}).exit_code == 2);
  CHECK(here.estimate({"a.png", "--boxes", "out/a.png.json", "-o", "out", "--overwrite"}).exit_code == 2);
  CHECK(here.json("out/results.json").size() == 1);
  CHECK(here.json("out/a.png.json").contains("a.png"));
}

TEST_CASE("Results of an earlier run, below or beside the images, are not inputs of the next") {
  const Workplace here;
  here.image("in/a.png");
  const std::string output = GENERATE("in/out", "in");
  REQUIRE(here.estimate({"in", "--whole-image", "--draw", "-o", output}).exit_code == 0);
  const auto before = here.files("in");
  CHECK(here.estimate({"in", "--whole-image", "--draw", "-o", output}).exit_code == 0);
  CHECK(here.files("in") == before);
}

TEST_CASE("COCO results or a description that can't be written to standard output are an error") {
  const Workplace here;
  here.image("a.png");
  ProcessOptions full;
  full.stdout_file = "/dev/full";
  CHECK(here.estimate({"a.png", "--whole-image", "-o", "-", "--format", "coco"}, full).exit_code == 1);
  CHECK(here.run({"inspect", "model.pt"}, full).exit_code == 1);
}

TEST_CASE("An output that is a file is refused before anything runs") {
  const Workplace here;
  here.image("a.png");
  here.text("out", "mine");
  const auto result = here.estimate({"a.png", "--whole-image", "-o", "out"});
  CHECK(result.exit_code == 2);
  CHECK(here.read("out") == "mine");
}

TEST_CASE("A folder that can't be created fails only its images") {
  const Workplace here;
  here.image("in/a.png");
  here.image("in/sub/b.png");
  here.image("in/z.png");
  here.text("out/sub", "a file");
  CHECK(here.estimate({"in", "--whole-image", "-o", "out"}).exit_code == 1);
  CHECK(here.files("out") == Names{"a.png.json", "sub", "z.png.json"});
}

TEST_CASE("Two images that would have one image_id in COCO results are refused") {
  const Workplace here;
  here.image("x/a.png");
  here.image("y/a.png");
  CHECK(here.estimate({"x/a.png", "y/a.png", "--whole-image", "--format", "coco"}).exit_code == 2);
  CHECK(here.files("posekit-out").empty());
}

TEST_CASE("No control character of a file name reaches standard error") {
  const Workplace here;
  here.image("e\x1B[31mvil.png");
  const auto result = here.estimate({"e\x1B[31mvil.png", "missing\x1B.png", "--whole-image"});
  CHECK(result.err.find('\x1B') == std::string::npos);
}

TEST_CASE("A run continues where standard error can't be written to") {
  const Workplace here;
  for (const char* name : {"in/a.png", "in/b.png", "in/c.png"}) here.image(name);
  here.text("in/broken.png", "no picture");
  REQUIRE(here.estimate({"in/a.png", "--whole-image", "-o", "warm"}).exit_code == 0);  // makes the model
  for (const std::string threads : {"1", "2"}) {
    const std::string out = "out-" + threads;
    const auto result = here.command(
        {"sh", "-c",
         "'" + posekit_test::program() + "' estimate in -m model.pt --whole-image --threads " + threads + " -o " + out + " 2>/dev/full"});
    CHECK(result.exit_code == 1);  // of the broken picture
    CHECK(here.files(out).size() == 3);
  }
}
