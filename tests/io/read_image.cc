/// Reading image files: every kind upright as bgr8, every broken one an error that names it.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "io/files.h"
#include "io/pictures.h"
#include "posekit/error.h"
#include "posekit/image_io.h"
#include "support/paths.h"
#include "support/printed.h"

using namespace posekit;
using posekit_test::bytes_of;
using posekit_test::check_levels;
using posekit_test::error_of;
using posekit_test::io_file;
using posekit_test::printed_by;
using posekit_test::Rgb;
using posekit_test::rgb_at;
using posekit_test::worst_in_halves;
using posekit_test::worst_in_quadrants;
namespace fs = std::filesystem;

namespace {

void write_bytes(const fs::path& path, std::span<const std::byte> bytes) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// A PNG file that claims a size, with nothing behind.
std::vector<std::byte> png_of_size(std::uint32_t width, std::uint32_t height) {
  std::vector<std::byte> file = bytes_of(io_file("gray.png"));
  for (std::size_t i = 0; i < 4; ++i) {
    file[16 + i] = static_cast<std::byte>(width >> (24 - 8 * i) & 0xff);
    file[20 + i] = static_cast<std::byte>(height >> (24 - 8 * i) & 0xff);
  }
  return file;
}

/// A JPEG file whose frame claims a size.
std::vector<std::byte> jpeg_of_size(int width, int height) {
  std::vector<std::byte> file = bytes_of(io_file("orientation_1.jpg"));
  for (std::size_t i = 2; i + 9 < file.size(); ++i) {
    if (file[i] != std::byte{0xff} || file[i + 1] != std::byte{0xc0}) continue;
    file[i + 5] = static_cast<std::byte>(height >> 8);
    file[i + 6] = static_cast<std::byte>(height & 0xff);
    file[i + 7] = static_cast<std::byte>(width >> 8);
    file[i + 8] = static_cast<std::byte>(width & 0xff);
    return file;
  }
  return {};
}

std::size_t threads() {
  const fs::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

}  // namespace

TEST_CASE("A photo of any EXIF orientation is read upright") {
  const std::string name =
      GENERATE("orientation_1.jpg", "orientation_2.jpg", "orientation_3.jpg", "orientation_4.jpg", "orientation_5.jpg", "orientation_6.jpg",
               "orientation_7.jpg", "orientation_8.jpg", "orientation_6.png", "orientation_7.png");
  CAPTURE(name);
  CHECK(worst_in_quadrants(read_image(io_file(name))) <= (name.ends_with(".png") ? 0 : 4));
}

TEST_CASE("Colours survive every way a file may hold them") {
  const std::string name = GENERATE("rgba.png", "palette.png", "palette_alpha.png", "quadrants.bmp");
  CAPTURE(name);
  CHECK(worst_in_quadrants(read_image(io_file(name))) == 0);
}

TEST_CASE("Progressive and CMYK JPEG files keep their colours") {
  CHECK(worst_in_quadrants(read_image(io_file("progressive.jpg"))) <= 4);
  CHECK(worst_in_quadrants(read_image(io_file("cmyk.jpg"))) <= 8);
}

TEST_CASE("Gray images are spread over three channels") {
  CHECK(worst_in_halves(read_image(io_file("gray.png")), 50, 200) == 0);
  CHECK(worst_in_halves(read_image(io_file("gray_alpha.png")), 50, 200) == 0);
  CHECK(worst_in_halves(read_image(io_file("bilevel.png")), 0, 255) == 0);
  CHECK(worst_in_halves(read_image(io_file("gray.jpg")), 50, 200) <= 2);
}

TEST_CASE("16-bit values become value / 257, rounded") {
  check_levels(read_image(io_file("gray16.png")));
  const Image color = read_image(io_file("rgb16.png"));
  REQUIRE(color.width == 256);
  for (int v = 0; v < 256; ++v) {
    const int next = std::min(255, v + 1);
    CHECK(rgb_at(color, v, 0) == Rgb{v, 255 - v, v});
    CHECK(rgb_at(color, v, 2) == Rgb{next, 255 - next, next});
  }
}

TEST_CASE("max_pixels limits the size of images of every format") {
  const std::string name = GENERATE("orientation_5.jpg", "rgba.png", "quadrants.bmp", "tiles.tif", "orientation_6.webp", "quadrants.jp2");
  CHECK(read_image(io_file(name), {.max_pixels = 512}).width == 32);
  const Error error = error_of([&] { (void)read_image(io_file(name), {.max_pixels = 511}); }, name);
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(std::string(error.what()).find("511") != std::string::npos);
}

TEST_CASE("A header that claims too many pixels is refused before anything is decoded") {
  const auto huge_png = png_of_size(20000, 20000);
  const auto huge_jpeg = jpeg_of_size(20000, 20000);
  const auto overflowing = png_of_size(0xffffffff, 0xffffffff);
  for (const auto* file : {&huge_png, &huge_jpeg, &overflowing})
    CHECK(error_of([&] { (void)decode_image(*file, "huge"); }, "huge").code() == ErrorCode::invalid_argument);
}

TEST_CASE("A size of zero is an error") {
  CHECK(error_of([] { (void)decode_image(png_of_size(0, 16), "flat.png"); }, "flat.png").code() == ErrorCode::io);
  CHECK(error_of([] { (void)decode_image(jpeg_of_size(0, 16), "flat.jpg"); }, "flat.jpg").code() == ErrorCode::io);
}

TEST_CASE("An image cut off anywhere is an error, never half a picture, and nothing is printed") {
  const std::string name = GENERATE("orientation_1.jpg", "progressive.jpg", "cmyk.jpg", "gray16.png", "palette.png");
  const auto whole = bytes_of(io_file(name));
  REQUIRE_NOTHROW(decode_image(whole, name));
  const std::string printed = printed_by([&] {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(name, size);
      CHECK(error_of([&] { (void)decode_image(std::span(whole).first(size), name); }, name).code() == ErrorCode::io);
    }
  });
  CHECK(printed.empty());
}

TEST_CASE("A BMP file that is cut off is an error") {
  const auto whole = bytes_of(io_file("quadrants.bmp"));
  for (const std::size_t size : {1U, 20U, 54U, 700U, 1500U})
    CHECK(error_of([&] { (void)decode_image(std::span(whole).first(size), "cut.bmp"); }, "cut.bmp").code() == ErrorCode::io);
}

TEST_CASE("A photo with zeros in place of its second half is an error") {
  auto file = bytes_of(posekit_test::source_dir() / "examples/images/astronaut.jpg");
  std::fill(file.begin() + static_cast<std::ptrdiff_t>(file.size() / 2), file.end(), std::byte{0});
  CHECK(error_of([&] { (void)decode_image(file, "download.jpg"); }, "download.jpg").code() == ErrorCode::io);
}

TEST_CASE("A file that is not an image is reported, and nothing is printed") {
  const posekit_test::TemporaryDir folder;
  const fs::path text = folder.path() / "notes.jpg";
  const fs::path empty = folder.path() / "empty.png";
  std::ofstream(text) << "these are notes, not a photo\n";
  std::ofstream(empty).close();
  const std::string printed = printed_by([&] {
    CHECK(error_of([&] { (void)read_image(text); }, "notes.jpg").code() == ErrorCode::io);
    CHECK(error_of([&] { (void)read_image(empty); }, "empty.png").code() == ErrorCode::io);
  });
  CHECK(printed.empty());
}

TEST_CASE("A path that can't be opened as an image is refused with the reason") {
  const posekit_test::TemporaryDir folder;
  const fs::path fifo = folder.path() / "fifo.jpg";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const fs::path missing = folder.path() / "missing.jpg";
  CHECK(error_of([&] { (void)read_image(missing); }, "missing.jpg").code() == ErrorCode::not_found);
  CHECK(error_of([&] { (void)read_image(folder.path()); }, folder.path().string()).code() == ErrorCode::io);
  CHECK(error_of([&] { (void)read_image(fifo); }, "fifo.jpg").code() == ErrorCode::io);
  CHECK(error_of([&] { (void)read_image(""); }, "").code() == ErrorCode::not_found);
}

TEST_CASE("A file without permission is reported") {
  if (geteuid() == 0) SKIP("root may read everything");
  const posekit_test::TemporaryDir folder;
  const fs::path path = folder.path() / "secret.jpg";
  write_bytes(path, bytes_of(io_file("orientation_1.jpg")));
  fs::permissions(path, fs::perms::none);
  const Error error = error_of([&] { (void)read_image(path); }, "secret.jpg");
  CHECK(error.code() == ErrorCode::io);
  CHECK(std::string(error.what()).find("ermission") != std::string::npos);
}

TEST_CASE("Reading, turning and writing large photos starts no thread") {
  const posekit_test::TemporaryDir folder;
  const std::size_t before = threads();
  const Image large{std::vector<std::uint8_t>(std::size_t{3000} * 2000 * 3, 77), 3000, 2000, PixelFormat::rgb8};
  for (const std::string name : {"large.jpg", "large.png"}) {
    write_image(folder.path() / name, large.view());
    CHECK(read_image(folder.path() / name).width == 3000);
  }
  // As a camera stores it: an EXIF segment behind the first marker.
  auto file = bytes_of(folder.path() / "large.jpg");
  const auto turned = bytes_of(io_file("orientation_6.jpg"));
  std::size_t exif = 2;  // Pillow writes JFIF first
  while (turned[exif + 1] != std::byte{0xe1}) exif += 2 + std::to_integer<std::size_t>(turned[exif + 3]);
  const std::size_t length = 2 + std::to_integer<std::size_t>(turned[exif + 3]);
  file.insert(file.begin() + 2, turned.begin() + static_cast<std::ptrdiff_t>(exif),
              turned.begin() + static_cast<std::ptrdiff_t>(exif + length));
  CHECK(decode_image(file, "turned.jpg").width == 2000);
  CHECK(threads() == before);
}
