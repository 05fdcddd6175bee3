/// Reading videos: every frame upright, in order, at its time; every broken file a clear error.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <opencv2/videoio.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/files.h"
#include "posekit/error.h"
#include "posekit/video.h"
#include "support/message_form.h"
#include "support/paths.h"
#include "support/printed.h"
#include "support/videos.h"

using namespace posekit;
using posekit_test::check_message_form;
using posekit_test::level_of;
using posekit_test::printed_by;
using posekit_test::TemporaryDir;
using posekit_test::write_video;
namespace fs = std::filesystem;

namespace {

/// What came of reading a video to its end.
struct Reading {
  std::vector<Frame> frames;
  std::size_t skipped = 0;
  std::optional<Error> error;

  std::vector<std::size_t> positions() const {
    std::vector<std::size_t> result;
    for (const Frame& frame : frames) result.push_back(frame.index);
    return result;
  }
};

Reading read_all(const fs::path& path, const VideoOptions& options = {}) {
  silence_video_messages();
  Reading reading;
  try {
    VideoReader reader(path, options);
    try {
      while (auto frame = reader.read()) reading.frames.push_back(*std::move(frame));
    } catch (const Error& error) {
      reading.error = error;
    }
    CHECK_FALSE(reader.read());  // an end stays an end
    reading.skipped = reader.skipped();
  } catch (const Error& error) {
    reading.error = error;
  }
  if (reading.error) {
    check_message_form(reading.error->what(), "video", path.filename().string());
  }
  return reading;
}

int value(const Frame& frame, int x, int y) {
  return frame.image.data[static_cast<std::size_t>(y) * frame.image.stride + static_cast<std::size_t>(x) * 3 + 1];
}

/// The grey level of a `video_frame`, away from its light square.
int level(const Frame& frame) { return value(frame, frame.image.width * 3 / 4, frame.image.height * 3 / 4); }

std::string text_of(const Reading& reading) { return reading.error ? reading.error->what() : ""; }

/// A decoder of a program's own: frames of 8x4 pixels, the second of which can't be decoded.
class OwnDecoder final : public FrameDecoder {
 public:
  OwnDecoder(std::size_t frames, const char* failure) : frames_(frames), failure_(failure) {}
  VideoInfo info() const override { return {.size = {8, 4}, .fps = 10, .rotation = 0, .frames = frames_}; }
  bool grab() override { return ++grabbed_ <= frames_ && grabbed_ != 2; }
  bool retrieve(int rotation, Image& frame) override {
    if (failure_ != nullptr && grabbed_ == 3) throw Error(ErrorCode::io, failure_);
    const bool swaps = rotation % 180 == 90;
    frame = {std::vector<std::uint8_t>(std::size_t{8} * 4 * 3, static_cast<std::uint8_t>(grabbed_)), swaps ? 4 : 8, swaps ? 8 : 4,
             PixelFormat::bgr8};
    return true;
  }
  double time_ms() const override { return 0; }

 private:
  std::size_t frames_;
  const char* failure_;
  std::size_t grabbed_ = 0;
};

}  // namespace

TEST_CASE("A video gives every frame once, in order, at its time, as it was written") {
  const TemporaryDir folder;
  const std::string name = GENERATE("a.mp4", "a.avi", "a.MOV", "a.m4v");
  CAPTURE(name);
  write_video(folder.path() / name, 30, 64, 48, 12.5);
  VideoReader reader(folder.path() / name);
  CHECK(reader.info().size == Size{64, 48});
  CHECK(reader.info().fps == 12.5);
  CHECK(reader.info().frames == 30);
  CHECK(reader.info().rotation == 0);
  for (std::size_t i = 0; i < 30; ++i) {
    CAPTURE(i);
    const auto frame = reader.read();
    REQUIRE(frame);
    CHECK(frame->index == i);
    CHECK(std::abs(frame->time_s - static_cast<double>(i) / 12.5) < 1e-6);
    CHECK(frame->image.size() == Size{64, 48});
    CHECK(frame->image.format == PixelFormat::bgr8);
    CHECK(std::abs(level(*frame) - level_of(i)) <= 8);
    CHECK(std::abs(value(*frame, 16, 12) - 240) <= 8);
  }
  CHECK_FALSE(reader.read());
  CHECK(reader.skipped() == 0);
}

TEST_CASE("A frame lives on after its reader and shares its pixels with its copies") {
  const TemporaryDir folder;
  write_video(folder.path() / "a.avi", 3);
  const Reading reading = read_all(folder.path() / "a.avi");
  const Frame copy = reading.frames[1];
  CHECK(copy.image.data == reading.frames[1].image.data);
  CHECK(std::abs(level(copy) - level_of(1)) <= 8);
}

TEST_CASE("A variable frame rate shows in the frames' times") {
  const Reading reading = read_all(posekit_test::io_file("variable_rate.mp4"));
  CHECK_FALSE(reading.error);
  constexpr std::size_t shown[] = {0, 1, 2, 5, 6, 11};
  REQUIRE(reading.frames.size() == std::size(shown));
  for (std::size_t i = 0; i < std::size(shown); ++i) {
    CHECK(reading.frames[i].index == i);
    CHECK(reading.frames[i].time_s == static_cast<double>(shown[i]) / 10);
    CHECK(std::abs(level(reading.frames[i]) - (20 + 15 * static_cast<int>(shown[i]))) <= 4);
  }
}

TEST_CASE("A rotation flag is applied exactly once") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / "turned.mp4";
  const int degrees = GENERATE(0, 90, 180, 270);
  CAPTURE(degrees);
  write_video(path, 4, 64, 48);
  posekit_test::set_rotation(path, degrees);
  const bool swaps = degrees == 90 || degrees == 270;
  const Size size = swaps ? Size{48, 64} : Size{64, 48};
  const VideoReader reader(path);
  CHECK(reader.info().rotation == degrees);
  CHECK(reader.info().size == size);
  const Reading reading = read_all(path);
  REQUIRE(reading.frames.size() == 4);
  // The light square lies top left in the stored picture and moves clockwise.
  const bool right = degrees == 90 || degrees == 180;
  const bool bottom = degrees == 180 || degrees == 270;
  for (const Frame& frame : reading.frames) {
    REQUIRE(frame.image.size() == size);
    for (const bool x : {false, true}) {
      for (const bool y : {false, true}) {
        const int found = value(frame, size.width * (x ? 3 : 1) / 4, size.height * (y ? 3 : 1) / 4);
        CHECK((found > 220) == (x == right && y == bottom));
      }
    }
  }
}

TEST_CASE("Frames that can't be decoded are skipped and counted, and the others keep their places and times") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / "spoiled.avi";
  write_video(path, 12);
  posekit_test::spoil_frames(path, {3, 4, 8});
  const Reading reading = read_all(path);
  CHECK_FALSE(reading.error);
  CHECK(reading.skipped == 3);
  CHECK(reading.positions() == std::vector<std::size_t>{0, 1, 2, 5, 6, 7, 9, 10, 11});
  for (const Frame& frame : reading.frames) {
    CHECK(std::abs(frame.time_s - static_cast<double>(frame.index) / 10) < 1e-6);
    CHECK(std::abs(level(frame) - level_of(frame.index)) <= 8);
  }
}

TEST_CASE("Hundreds of broken frames in a row are not treated as the end") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / "spoiled.avi";
  write_video(path, 400);
  std::vector<std::size_t> spoiled;
  for (std::size_t i = 1; i < 399; ++i) spoiled.push_back(i);
  posekit_test::spoil_frames(path, spoiled);
  const Reading reading = read_all(path);
  CHECK(reading.positions() == std::vector<std::size_t>{0, 399});
  CHECK(reading.skipped == 398);
}

TEST_CASE("A cut-off AVI file gives the frames it has, then an error") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / "cut.avi";
  write_video(path, 30);
  posekit_test::cut_off(path, 0.5);
  const Reading reading = read_all(path);
  CHECK_FALSE(reading.frames.empty());
  CHECK(reading.frames.size() < 25);
  REQUIRE(reading.error);
  CHECK(reading.error->code() == ErrorCode::io);
  CHECK(text_of(reading).find("cut off") != std::string::npos);
}

TEST_CASE("A video cut off anywhere is never treated as complete") {
  const TemporaryDir folder;
  const std::string name = GENERATE("a.mp4", "a.avi", "variable_rate.mp4");
  const fs::path whole = folder.path() / ("whole-" + name);
  if (name.starts_with("a.")) {
    write_video(whole, 6);
  } else {
    fs::copy_file(posekit_test::io_file(name), whole);
  }
  for (int part = 0; part < 40; ++part) {
    CAPTURE(name, part);
    const fs::path cut = folder.path() / name;
    fs::copy_file(whole, cut, fs::copy_options::overwrite_existing);
    posekit_test::cut_off(cut, part == 39 ? 0.999 : part / 40.0);
    const Reading reading = read_all(cut);
    REQUIRE(reading.error);
    CHECK(reading.error->code() == ErrorCode::io);
  }
}

TEST_CASE("A video without frames is an error") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / GENERATE("hollow.mp4", "hollow.avi");
  silence_video_messages();
  const int codec = path.extension() == ".mp4" ? cv::VideoWriter::fourcc('m', 'p', '4', 'v') : cv::VideoWriter::fourcc('M', 'J', 'P', 'G');
  REQUIRE(cv::VideoWriter(path.string(), cv::CAP_FFMPEG, codec, 10, {64, 48}).isOpened());  // and closed again
  const Reading reading = read_all(path);
  CHECK(reading.frames.empty());
  REQUIRE(reading.error);
  CHECK(reading.error->code() == ErrorCode::io);
  CHECK(text_of(reading).find("frame") != std::string::npos);
}

TEST_CASE("A file that is not a video is refused before FFmpeg sees it, and nothing is printed") {
  const TemporaryDir folder;
  const auto file = [&](const char* name, const std::string& content) {
    std::ofstream(folder.path() / name, std::ios::binary) << content;
    return folder.path() / name;
  };
  write_video(folder.path() / "cut.mp4", 6);
  posekit_test::cut_off(folder.path() / "cut.mp4", 0.6);
  const std::vector<fs::path> files{file("text.mp4", "this is no video\n"), file("empty.avi", ""),
                                    file("playlist.mp4", "#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"), file("short.mkv", "\x1A\x45"),
                                    folder.path() / "cut.mp4"};
  const std::string printed = printed_by([&] {
    for (const fs::path& path : files) {
      CAPTURE(path);
      try {
        const VideoReader reader(path);
        FAIL_CHECK("it opened");
      } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::io);
        check_message_form(error.what(), "video", path.filename().string());
      }
    }
  });
  CHECK(printed.empty());
}

TEST_CASE("FFmpeg's messages are silenced on request") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / "spoiled.avi";
  write_video(path, 5);  // by OpenCV, and all the same nothing is silenced too late: messages come from the reading below
  posekit_test::spoil_frames(path, {2});
  const std::string printed = printed_by([&] { CHECK(read_all(path).skipped == 1); });
  INFO("a process in which OpenCV used FFmpeg before keeps its level");
  CHECK((printed.empty() || printed.find("No JPEG") != std::string::npos));
}

TEST_CASE("A path that can't be opened as a video is refused with the reason") {
  const TemporaryDir folder;
  const fs::path fifo = folder.path() / "fifo.mp4";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(read_all(folder.path() / "missing.mp4").error->code() == ErrorCode::not_found);
  CHECK(read_all(folder.path()).error->code() == ErrorCode::io);
  CHECK(read_all(fifo).error->code() == ErrorCode::io);
  CHECK(read_all("http://127.0.0.1:1/a.mp4").error->code() == ErrorCode::not_found);
}

TEST_CASE("A file name that looks like an address or a pattern is a file name") {
  const TemporaryDir folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const std::string name = GENERATE("http:a.mp4", "concat:b.avi", "frame-%03d.mp4", "ä ö.avi");
  write_video(name, 3);
  CHECK(read_all(name).frames.size() == 3);
  fs::current_path(before);
}

TEST_CASE("max_pixels limits the size of frames") {
  const TemporaryDir folder;
  write_video(folder.path() / "a.avi", 2, 64, 48);
  CHECK_NOTHROW(VideoReader(folder.path() / "a.avi", {.max_pixels = std::uint64_t{64} * 48}));
  try {
    const VideoReader reader(folder.path() / "a.avi", {.max_pixels = std::uint64_t{64} * 48 - 1});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_argument);
    check_message_form(error.what(), "video", "3071");
  }
}

TEST_CASE("A decoder of the program's own is read with the reader's checks: rotation, rising times, frames left out") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / "a.mp4";
  write_video(path, 3);
  posekit_test::set_rotation(path, 90);
  std::vector<fs::path> opened;
  const auto read = [&](const char* failure) {
    return read_all(path, {.open_file = [&](const fs::path& file) {
                      opened.push_back(file);
                      return std::make_unique<OwnDecoder>(4, failure);
                    }});
  };
  const Reading whole = read(nullptr);
  CHECK(opened == std::vector{fs::absolute(path)});
  CHECK_FALSE(whole.error);
  CHECK(whole.positions() == std::vector<std::size_t>{0, 2, 3});
  CHECK(whole.skipped == 1);
  REQUIRE(whole.frames.size() == 3);
  CHECK((whole.frames[0].image.width == 4 && whole.frames[0].image.height == 8));
  CHECK((whole.frames[0].time_s < whole.frames[1].time_s && whole.frames[1].time_s < whole.frames[2].time_s));

  const Reading failed = read("the disk is on fire");
  CHECK(failed.frames.size() == 1);
  REQUIRE(failed.error);
  CHECK(failed.error->code() == ErrorCode::io);
  check_message_form(failed.error->what(), "video", "the disk is on fire");

  const Reading closed = read_all(path, {.open_file = [](const fs::path&) { return nullptr; }});
  REQUIRE(closed.error);
  check_message_form(closed.error->what(), "video", "a.mp4");
}

TEST_CASE("A missing camera is reported") {
  try {
    const VideoReader reader(4321);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::not_found);
    check_message_form(error.what(), "camera", "4321");
  }
  CHECK_THROWS_AS(VideoReader(-1), Error);
}
