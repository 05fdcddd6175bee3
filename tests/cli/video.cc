/// Videos through the program: a line for each frame, a drawn video, and every kind of broken file.
#include "posekit/video.h"

#include <signal.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <set>

#include "posekit/image_io.h"
#include "support/small_disk.h"
#include "support/videos.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using posekit_test::check_error;
using posekit_test::Workplace;
using posekit_test::write_video;
using Names = std::vector<std::string>;

namespace {

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> result;
  for (const std::string& line : posekit_test::lines(text)) result.push_back(json::parse(line));
  return result;
}

posekit::Image window(const posekit::Image& photo, int left, int top, int width, int height) {
  posekit::Image image{{}, width, height, photo.format};
  for (int y = 0; y < height; ++y) {
    const auto row = photo.pixels.begin() + (static_cast<std::ptrdiff_t>(top + y) * photo.width + left) * 3;
    image.pixels.insert(image.pixels.end(), row, row + static_cast<std::ptrdiff_t>(width) * 3);
  }
  return image;
}

/// A camera that moves over a photo from the left to the right. @return where the window's left side is in each frame
std::vector<int> film(const std::filesystem::path& path, const posekit::Image& photo, int frames, int width) {
  std::vector<int> lefts;
  posekit::VideoWriter writer(path, {width, photo.height}, 8);
  for (int i = 0; i < frames; ++i) {
    lefts.push_back((photo.width - width) * i / (frames - 1));
    writer.write(window(photo, lefts.back(), 0, width, photo.height).view());
  }
  writer.finish();
  return lefts;
}

std::size_t frames_in(const std::filesystem::path& path) {
  posekit::VideoReader reader(path);
  std::size_t count = 0;
  while (reader.read()) ++count;
  return count;
}

}  // namespace

TEST_CASE("A filmed photo gives a line and a drawing per frame, and people move as the camera does") {
  const Workplace here;
  const std::string name = GENERATE("clip.mp4", "clip.avi");
  const std::string threads = name == "clip.mp4" ? "1" : "2";
  const posekit::Image photo = posekit::read_image(posekit_test::source_dir() / "examples/images/astronaut.jpg");
  const std::vector<int> lefts = film(here.path(name), photo, 9, 440);
  const auto result = here.run({"estimate", name, "--draw", "--no-track", "--threads", threads, "--keypoints", "coco17"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(here.files("posekit-out") == Names{name + ".jsonl", name + ".pose.mp4"});
  CHECK_THAT(result.err, ContainsSubstring("[1/1] " + name + ": 9 frames, 9 poses"));

  const auto lines = lines_of(here.read("posekit-out/" + name + ".jsonl"));
  REQUIRE(lines.size() == 9);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(i);
    const json& image = lines[i]["image"];
    CHECK(image["path"] == name);
    CHECK(image["frame"] == i);
    CHECK(image["time_s"] == static_cast<double>(i) / 8);
    CHECK(image["width"] == 440);
    REQUIRE(lines[i]["instance_info"].size() == 1);
    // Relative to the photo the astronaut's nose stays where it is.
    const double nose = lines[i]["instance_info"][0]["keypoints"][0][0].get<double>() + lefts[i];
    CHECK(std::abs(nose - 224) < 12);
  }

  posekit::VideoReader original(here.path(name));
  posekit::VideoReader drawn(here.path("posekit-out/" + name + ".pose.mp4"));
  CHECK(drawn.info().size == posekit::Size{440, 512});
  CHECK(drawn.info().fps == 8);
  for (int i = 0; i < 9; ++i) {
    const auto before = original.read();
    const auto after = drawn.read();
    REQUIRE((before && after));
    // At the nose there is a keypoint now; the top right corner is as it was.
    const auto differs = [&](int x, int y) {
      int most = 0;
      for (int c = 0; c < 3; ++c) {
        const auto at = static_cast<std::size_t>(y) * before->image.stride + static_cast<std::size_t>(x * 3 + c);
        most = std::max(most, std::abs(before->image.data[at] - after->image.data[at]));
      }
      return most;
    };
    const json& keypoint = lines[static_cast<std::size_t>(i)]["instance_info"][0]["keypoints"][0];
    CHECK(differs(static_cast<int>(std::lround(keypoint[0].get<double>())), static_cast<int>(std::lround(keypoint[1].get<double>()))) > 40);
    CHECK(differs(435, 3) < 40);
  }
  CHECK_FALSE(drawn.read());
}

TEST_CASE("Broken videos are each reported, and only they fail") {
  const Workplace here;
  write_video(here.path("good.avi"), 5);
  here.image("photo.png");
  here.text("text.mp4", "this is no video\n");
  here.text("empty.mov", "");
  for (const char* name : {"cut.mp4", "cut.avi", "spoiled.avi"}) write_video(here.path(name), 20);
  posekit_test::cut_off(here.path("cut.mp4"), 0.7);
  posekit_test::cut_off(here.path("cut.avi"), 0.7);
  posekit_test::spoil_frames(here.path("spoiled.avi"), {2, 3});
  const auto result = here.estimate(
      {"good.avi", "text.mp4", "cut.mp4", "cut.avi", "spoiled.avi", "empty.mov", "missing.mkv", "photo.png", "--whole-image"});
  INFO(result.err);
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("6 of 8 inputs failed"));
  CHECK_THAT(result.err, ContainsSubstring("\"text.mp4\" is not a video") && ContainsSubstring("\"cut.mp4\" is cut off") &&
                             ContainsSubstring("\"cut.avi\" is cut off") && ContainsSubstring("\"empty.mov\" is empty") &&
                             ContainsSubstring("\"missing.mkv\" does not exist") &&
                             ContainsSubstring("\"spoiled.avi\": 2 frames could not be decoded"));
  for (const char* name : {"text.mp4", "cut.mp4", "cut.avi", "spoiled.avi", "empty.mov", "missing.mkv"}) check_error(result.err, name);
  // Nothing but posekit's own words: one line for each failure besides the plain log's.
  for (const std::string& line : posekit_test::lines(result.err)) {
    CAPTURE(line);
    CHECK((line.starts_with("posekit: ") || line.starts_with("[")));
  }
  CHECK(here.files("posekit-out") == Names{"cut.avi.jsonl", "good.avi.jsonl", "photo.png.json", "spoiled.avi.jsonl"});
  const auto cut = lines_of(here.read("posekit-out/cut.avi.jsonl"));
  CHECK((!cut.empty() && cut.size() < 20));
  std::vector<int> frames;
  for (const json& line : lines_of(here.read("posekit-out/spoiled.avi.jsonl"))) frames.push_back(line["image"]["frame"]);
  CHECK(frames == std::vector<int>{0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19});
}

TEST_CASE("A video with a rotation flag is processed upright") {
  const Workplace here;
  write_video(here.path("turned.mp4"), 3, 64, 48);
  posekit_test::set_rotation(here.path("turned.mp4"), 90);
  CHECK(here.estimate({"turned.mp4", "--whole-image", "--draw"}).exit_code == 0);
  const auto lines = lines_of(here.read("posekit-out/turned.mp4.jsonl"));
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["instance_info"][0]["bbox"] == json({0, 0, 48, 64}));
  const posekit::VideoReader drawn(here.path("posekit-out/turned.mp4.pose.mp4"));
  CHECK(drawn.info().size == posekit::Size{48, 64});
  CHECK(drawn.info().rotation == 0);
}

TEST_CASE("A second run skips finished videos and makes a missing drawing") {
  const Workplace here;
  write_video(here.path("a.avi"), 4);
  REQUIRE(here.estimate({"a.avi", "--whole-image"}).exit_code == 0);
  const std::string first = here.read("posekit-out/a.avi.jsonl");
  CHECK_THAT(here.estimate({"a.avi", "--whole-image"}).err, ContainsSubstring("a.avi: done before"));
  CHECK(here.read("posekit-out/a.avi.jsonl") == first);
  CHECK(here.estimate({"a.avi", "--whole-image", "--draw"}).exit_code == 0);
  CHECK(lines_of(here.read("posekit-out/a.avi.jsonl")).size() == 4);
  CHECK(frames_in(here.path("posekit-out/a.avi.pose.mp4")) == 4);
}

TEST_CASE("Images, videos and folders mix, in order, also on standard output") {
  const Workplace here;
  write_video(here.path("in/b.avi"), 2);
  here.image("in/a.png");
  here.image("in/c.png");
  const auto printed = here.estimate({"in", "--whole-image", "-o", "-"});
  CHECK(printed.exit_code == 0);
  std::vector<std::string> order;
  for (const json& line : lines_of(printed.out)) order.push_back(line["image"]["path"]);
  CHECK(order == std::vector<std::string>{"in/a.png", "in/b.avi", "in/b.avi", "in/c.png"});
}

TEST_CASE("Option --detect-every 3 runs the detector on every third frame, and its boxes are carried over") {
  const Workplace here;
  const posekit::Image photo = posekit::read_image(posekit_test::source_dir() / "examples/images/astronaut.jpg");
  film(here.path("clip.mp4"), photo, 7, 440);
  REQUIRE(here.run({"estimate", "clip.mp4", "--detect-every", "3", "--no-track", "--threads", "2"}).exit_code == 0);
  std::vector<json> boxes;
  for (const json& line : lines_of(here.read("posekit-out/clip.mp4.jsonl"))) {
    REQUIRE(line["instance_info"].size() == 1);
    boxes.push_back(line["instance_info"][0]["bbox"]);
  }
  REQUIRE(boxes.size() == 7);
  for (std::size_t i = 1; i < 7; ++i) CHECK((boxes[i] == boxes[i - 1]) == (i % 3 != 0));
}

TEST_CASE("People of a video keep their ids, with detections in every frame or some, and photos have none") {
  const Workplace here;
  const posekit::Image photo = posekit::read_image(posekit_test::source_dir() / "examples/images/astronaut.jpg");
  film(here.path("clip.mp4"), photo, 7, 440);
  posekit::write_image(here.path("photo.png"), photo.view());
  REQUIRE(here.run({"estimate", "clip.mp4", "photo.png", "--detect-every", GENERATE("1", "3")}).exit_code == 0);
  for (const json& line : lines_of(here.read("posekit-out/clip.mp4.jsonl"))) {
    REQUIRE(line["instance_info"].size() == 1);
    CHECK(line["instance_info"][0]["track_id"] == 1);
  }
  CHECK_FALSE(here.json("posekit-out/photo.png.json")["instance_info"][0].contains("track_id"));
}

TEST_CASE("A video's entry in the boxes file applies to every frame, and a missing one is reported once") {
  const Workplace here;
  write_video(here.path("a.avi"), 3);
  write_video(here.path("b.avi"), 3);
  here.text("boxes.json", R"({"a.avi": [[1, 2, 30, 40]]})");
  const auto result = here.estimate({"a.avi", "b.avi", "--boxes", "boxes.json"});
  CHECK(result.exit_code == 1);
  for (const json& line : lines_of(here.read("posekit-out/a.avi.jsonl"))) CHECK(line["instance_info"][0]["bbox"] == json({1, 2, 30, 40}));
  for (const json& line : lines_of(here.read("posekit-out/b.avi.jsonl"))) CHECK(line["instance_info"].empty());
  CHECK(result.err.find("no entry") == result.err.rfind("no entry"));
}

TEST_CASE("A frame that is too late is reported in its line, and the video fails") {
  const Workplace here;
  write_video(here.path("a.avi"), 3);
  const auto result = here.estimate({"a.avi", "--whole-image", "--timeout", "0.000001"});
  CHECK(result.exit_code == 1);
  const auto lines = lines_of(here.read("posekit-out/a.avi.jsonl"));
  REQUIRE(lines.size() == 3);
  for (const json& line : lines) CHECK(line["errors"][0]["code"] == "deadline_exceeded");
}

TEST_CASE("A missing camera is refused with a remedy") {
  const Workplace here;
  for (const char* camera : {"camera:4321", "camera:x", "camera:-1"}) {
    const auto result = here.estimate({camera, "--whole-image"});
    CHECK(result.exit_code == 1);
    check_error(result.err, "camera", std::string(camera).substr(7));
  }
}

TEST_CASE("Ctrl-C in the middle of a video leaves whole lines on standard output") {
  const Workplace here;
  write_video(here.path("long.avi"), 5000);
  posekit_test::ProcessOptions interrupted;
  interrupted.signal_at_output = SIGINT;
  const auto result = here.estimate({"long.avi", "--whole-image", "-o", "-", "--quiet"}, interrupted);
  CHECK_FALSE(result.timed_out);
  CHECK(result.exit_code == 130);
  CHECK(result.out.ends_with('\n'));
  const auto lines = lines_of(result.out);
  CHECK(lines.size() < 5000);
  for (std::size_t i = 0; i < lines.size(); ++i) CHECK(lines[i]["image"]["frame"] == i);
}

TEST_CASE("A video on a terminal has a bar with rate and time left") {
  const Workplace here;
  write_video(here.path("a.avi"), 300);
  posekit_test::ProcessOptions terminal;
  terminal.stderr_terminal = true;
  const auto result = here.estimate({"a.avi", "--whole-image"}, terminal);
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.err, ContainsSubstring("/300") && ContainsSubstring("frames/s of a.avi") && ContainsSubstring("left"));
}

TEST_CASE("A full disk fails the video and leaves no half file") {
  const Workplace here;
  const posekit_test::SmallDisk disk(here.path("out"));
  if (!disk.mounted()) SKIP("a small file system can't be mounted here: it takes root");
  write_video(here.path("a.avi"), 400, 320, 240);
  here.image("b.png");
  const auto result = here.estimate({"a.avi", "b.png", "--whole-image", "-o", "out"});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("No space left") && ContainsSubstring("a.avi"));
  CHECK(here.files("out") == Names{"b.png.json"});
  const auto drawn = here.estimate({"a.avi", "--whole-image", "--draw", "-o", "out", "--overwrite"});
  CHECK(drawn.exit_code == 1);
  CHECK(here.files("out") == Names{"b.png.json"});
}

TEST_CASE("Shards of a folder are disjoint and complete, and a wrong one is wrong usage") {
  const Workplace here;
  for (int i = 0; i < 20; ++i) here.image("in/" + std::to_string(i) + ".png", 16, 16);
  std::multiset<std::string> done;
  for (const char* shard : {"0/3", "1/3", "2/3"}) {
    const std::string out = std::string("out-") + shard[0];
    REQUIRE(here.estimate({"in", "--whole-image", "--shard", shard, "-o", out}).exit_code == 0);
    for (const std::string& file : here.files(out)) done.insert(file);
  }
  CHECK(done.size() == 20);
  CHECK(std::set(done.begin(), done.end()).size() == 20);
  for (const char* shard : {"3/3", "0/0", "1", "a/b", "-1/3", "0/3/1"})
    CHECK(here.estimate({"in", "--whole-image", "--shard", shard}).exit_code == 2);
}
