/// Writing videos whole or not at all.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "io/files.h"
#include "posekit/error.h"
#include "posekit/image_io.h"
#include "posekit/video.h"
#include "support/message_form.h"
#include "support/paths.h"
#include "support/small_disk.h"
#include "support/videos.h"

using namespace posekit;
using posekit_test::TemporaryDir;
using posekit_test::video_frame;
namespace fs = std::filesystem;

namespace {

std::size_t entries(const fs::path& folder) {
  const fs::directory_iterator list(folder);
  return static_cast<std::size_t>(std::distance(begin(list), end(list)));
}

template <class Call>
ErrorCode code_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    posekit_test::check_message_form(error.what(), "posekit-test-", "");  // the folder of each file
    return error.code();
  }
  return ErrorCode::ok;
}

}  // namespace

TEST_CASE("An unfinished video leaves the old file and nothing beside it") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / GENERATE("a.mp4", "a.avi");
  posekit_test::write_video(path, 3);
  const auto before = posekit_test::bytes_of(path);
  {
    VideoWriter writer(path, {64, 48}, 10);
    for (int i = 0; i < 20; ++i) writer.write(video_frame(64, 48, 99).view());
    CHECK(entries(folder.path()) == 2);
  }
  CHECK(entries(folder.path()) == 1);
  CHECK(posekit_test::bytes_of(path) == before);
  posekit_test::write_video(path, 5);
  CHECK(VideoReader(path).info().frames == 5);
}

TEST_CASE("Odd sizes lose only their last column or row") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / GENERATE("a.mp4", "a.avi");
  posekit_test::write_video(path, 3, 65, 49);
  VideoReader reader(path);
  CHECK(reader.info().size == Size{64, 48});
  const auto frame = reader.read();
  REQUIRE(frame);
  const auto green = [&](int x, int y) {
    return int{frame->image.data[static_cast<std::size_t>(y) * frame->image.stride + static_cast<std::size_t>(x) * 3 + 1]};
  };
  CHECK(std::abs(green(8, 8) - 240) <= 8);
  CHECK(std::abs(green(56, 8) - posekit_test::level_of(0)) <= 8);
  CHECK(std::abs(green(8, 40) - posekit_test::level_of(0)) <= 8);
}

TEST_CASE("Frames of every format keep their colours") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / "a.avi";
  {
    VideoWriter writer(path, {32, 32}, 10);
    for (const PixelFormat format : {PixelFormat::bgr8, PixelFormat::rgb8, PixelFormat::bgra8, PixelFormat::rgba8, PixelFormat::gray8}) {
      Image image{{}, 32, 32, format};
      const bool rgb = format == PixelFormat::rgb8 || format == PixelFormat::rgba8;
      for (int i = 0; i < 32 * 32; ++i) {
        const std::uint8_t pixel[] = {std::uint8_t(rgb ? 200 : 40), 80, std::uint8_t(rgb ? 40 : 200), 7};
        image.pixels.insert(image.pixels.end(), pixel, pixel + channels(format));
      }
      writer.write(image.view());
    }
    writer.finish();
  }
  VideoReader reader(path);
  for (int i = 0; i < 5; ++i) {
    CAPTURE(i);
    const auto frame = reader.read();
    REQUIRE(frame);
    const std::uint8_t* pixel = frame->image.data + 16 * frame->image.stride + std::size_t{16 * 3};
    const int expected[] = {40, i == 4 ? 40 : 80, i == 4 ? 40 : 200};
    for (int c = 0; c < 3; ++c) CHECK(std::abs(pixel[c] - expected[c]) <= 6);
  }
}

TEST_CASE("An invalid extension, size or rate is refused, and nothing is left") {
  const TemporaryDir folder;
  const auto write = [&](const char* name, Size size, double fps) {
    return code_of([&] { const VideoWriter writer(folder.path() / name, size, fps); });
  };
  CHECK(write("a.txt", {64, 48}, 10) == ErrorCode::invalid_argument);
  CHECK(write("a", {64, 48}, 10) == ErrorCode::invalid_argument);
  CHECK(write("a.mp4", {1, 48}, 10) == ErrorCode::invalid_argument);
  CHECK(write("a.mp4", {64, 20000}, 10) == ErrorCode::invalid_argument);
  CHECK(write("a.mp4", {64, 48}, 0) == ErrorCode::invalid_argument);
  CHECK(write("a.mp4", {64, 48}, -1) == ErrorCode::invalid_argument);
  CHECK(write("a.mp4", {64, 48}, 0.0 / 0.0) == ErrorCode::invalid_argument);
  CHECK(write("none/a.mp4", {64, 48}, 10) == ErrorCode::io);
  VideoWriter writer(folder.path() / "a.mp4", {64, 48}, 10);
  CHECK(code_of([&] { writer.finish(); }) == ErrorCode::invalid_argument);
  CHECK(code_of([&] { writer.write(video_frame(48, 64, 0).view()); }) == ErrorCode::invalid_argument);
  writer.write(video_frame(64, 48, 0).view());
  writer.finish();
  CHECK(code_of([&] { writer.finish(); }) == ErrorCode::invalid_argument);
  CHECK(code_of([&] { writer.write(video_frame(64, 48, 0).view()); }) == ErrorCode::invalid_argument);
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("Frame rates are written as given") {
  const TemporaryDir folder;
  const double fps = GENERATE(0.5, 7.0, 23.976, 29.97, 59.94, 240.0);
  CAPTURE(fps);
  for (const char* name : {"a.mp4", "a.avi"}) {
    posekit_test::write_video(folder.path() / name, 3, 64, 48, fps);
    CHECK(std::abs(VideoReader(folder.path() / name).info().fps - fps) < 0.01);
  }
}

TEST_CASE("A full disk is an error by the end of a video, and leaves no partial video") {
  const TemporaryDir folder;
  const posekit_test::SmallDisk disk(folder.path() / "disk");
  if (!disk.mounted()) SKIP("a small file system can't be mounted here: it takes root");
  silence_video_messages();
  const fs::path path = folder.path() / "disk" / GENERATE("a.mp4", "a.avi");
  Image noise = video_frame(320, 240, 0);
  unsigned state = 1;
  {
    VideoWriter writer(path, {320, 240}, 10);
    const auto code = code_of([&] {
      for (int i = 0; i < 60; ++i) {
        for (auto& pixel : noise.pixels) pixel = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
        writer.write(noise.view());
      }
      writer.finish();
    });
    CHECK(code == ErrorCode::io);
  }
  CHECK(entries(folder.path() / "disk") == 0);
}

TEST_CASE("A file written piece by piece appears only when it is finished") {
  const TemporaryDir folder;
  const fs::path path = folder.path() / "lines.txt";
  const std::string line = "a line\n";
  {
    OutputFile file(path);
    file.write(std::as_bytes(std::span(line)));
    CHECK_FALSE(fs::exists(path));
  }
  CHECK(entries(folder.path()) == 0);
  OutputFile file(path);
  file.write(std::as_bytes(std::span(line)));
  OutputFile moved = std::move(file);
  moved.write(std::as_bytes(std::span(line)));
  moved.finish();
  CHECK(fs::file_size(path) == 2 * line.size());
  CHECK(entries(folder.path()) == 1);
  CHECK(code_of([&] { moved.write(std::as_bytes(std::span(line))); }) == ErrorCode::invalid_argument);
  CHECK(code_of([&] { moved.finish(); }) == ErrorCode::invalid_argument);
}
