/// The formats of image files: what each holds is read right, or refused by name; damage is that image's error, and nothing is printed.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/files.h"
#include "io/pictures.h"
#include "posekit/image_io.h"
#include "posekit/opencv.h"
#include "posekit/runtime.h"
#include "support/damaged.h"
#include "support/paths.h"
#include "support/printed.h"
#include "support/resident.h"

using namespace posekit;
using namespace std::string_literals;
using namespace posekit_test;
namespace fs = std::filesystem;

namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(const std::string& text) {
  Bytes result(text.size());
  std::ranges::transform(text, result.begin(), [](char c) { return static_cast<std::byte>(c); });
  return result;
}

/// What the library notes while something runs.
template <class Work>
std::vector<std::string> notes_of(Work&& work) {
  std::vector<std::string> notes;
  set_log_callback([&](LogLevel, std::string_view note) { notes.emplace_back(note); });
  work();
  set_log_callback({});
  return notes;
}

/// A photo of six formats.
std::vector<std::pair<std::string, Bytes>> photos() {
  const TemporaryDir folder;
  Image photo = read_image(source_dir() / "examples/images/astronaut.jpg");
  const cv::Mat part = mat_of(photo)(cv::Rect(180, 100, 96, 80));  // so that thousands can be read
  std::vector<std::pair<std::string, Bytes>> files;
  for (const char* name : {"a.jpg", "a.png", "a.webp", "a.tif", "a.bmp", "a.jp2"}) {
    REQUIRE(cv::imwrite((folder.path() / name).string(), part));
    files.emplace_back(name, bytes_of(folder.path() / name));
  }
  return files;
}

}  // namespace

TEST_CASE("A photo in WebP or TIFF with an orientation is read upright") {
  const std::string name = GENERATE("orientation_6.webp", "orientation_8.webp", "orientation_3.tif", "orientation_6.tif");
  CAPTURE(name);
  CHECK(worst_in_quadrants(read_image(io_file(name))) == 0);
  CHECK(image_size(io_file(name)).width == 32);
  CHECK(image_size(io_file(name)).height == 16);
}

TEST_CASE("Colours survive every layout of a TIFF, BMP, WebP and JPEG 2000 file") {
  const std::string name = GENERATE("strips.tif", "planes.tif", "tiles.tif", "alpha.tif", "unknown_tags.tif", "full_size.tif", "page.tif",
                                    "orientation_0.tif", "short_palette.bmp", "masks_rgbx.bmp", "masks_bgrx.bmp", "alpha_v5.bmp",
                                    "palette4.bmp", "runs.bmp", "quadrants.jp2", "quadrants.j2k");
  CAPTURE(name);
  CHECK(worst_in_quadrants(read_image(io_file(name))) == 0);
}

TEST_CASE("A lossy WebP file keeps its colours") {
  const Image image = read_image(io_file("lossy.webp"));
  REQUIRE(image.width == 32);
  CHECK(difference(rgb_at(image, 6, 3), red) <= 12);
  CHECK(difference(rgb_at(image, 26, 3), green) <= 12);
  CHECK(difference(rgb_at(image, 6, 12), blue) <= 12);
  CHECK(difference(rgb_at(image, 26, 12), white) <= 12);
}

TEST_CASE("White is zero where a TIFF file says so") {
  CHECK(worst_in_halves(read_image(io_file("white_is_zero.tif")), 50, 200) == 0);
  CHECK(worst_in_halves(read_image(io_file("white_is_zero_bilevel.tif")), 0, 255) == 0);
}

TEST_CASE("16-bit TIFF values become value / 257, rounded, white as zero too") {
  const std::string name = GENERATE("gray16.tif", "white_is_zero16.tif");
  CAPTURE(name);
  check_levels(read_image(io_file(name)));
}

TEST_CASE("Masks of five and six bits are scaled to eight as Pillow does") {
  const Image image = read_image(io_file("masks_565.bmp"));
  REQUIRE(image.width == 64);
  for (int i = 0; i < 64; ++i) CHECK(rgb_at(image, i, 0) == Rgb{i / 2 * 255 / 31, i * 255 / 63, (31 - i / 2) * 255 / 31});
}

TEST_CASE("Of a TIFF file with previews the full-size page is read") {
  CHECK(worst_in_quadrants(read_image(io_file("preview_first.tif"))) == 0);
  CHECK(worst_in_quadrants(read_image(io_file("preview_behind.tif"))) == 0);
}

TEST_CASE("What is no single picture of gray or RGB is refused by name") {
  const auto [name, word] = GENERATE(std::pair("pages.tif", "several pages"), std::pair("dng.tif", "camera RAW"),
                                     std::pair("raw_below_preview.tif", "camera RAW"), std::pair("sensor.tif", "camera RAW"),
                                     std::pair("float.tif", "32-bit floating-point"), std::pair("lab.tif", "CIE L*a*b*"),
                                     std::pair("animation.webp", "animation"));
  const std::string file = name;
  const Error error = error_of([&] { (void)read_image(io_file(file)); }, file);
  CHECK(error.code() == ErrorCode::io);
  CHECK(std::string(error.what()).find(word) != std::string::npos);
}

TEST_CASE("Tiles that are far larger than their image are refused before memory is allocated for them") {
  Bytes file = bytes_of(io_file("tiles.tif"));
  std::size_t changed = 0;
  for (std::size_t i = 0; i + 12 <= file.size(); ++i) {  // entries of TileWidth and TileLength: one LONG of 16
    const bool is_tag =
        (file[i] == std::byte{0x42} || file[i] == std::byte{0x43}) && file[i + 1] == std::byte{1} && file[i + 2] == std::byte{4};
    if (!is_tag) continue;
    file[i + 9] = std::byte{0x40};  // 16400
    ++changed;
  }
  REQUIRE(changed == 2);
  const long before = peak_kilobytes();
  const Error error = error_of([&] { (void)decode_image(file, "tiles.tif"); }, "tiles.tif");
  CHECK(std::string(error.what()).find("268960000 pixels") != std::string::npos);
  CHECK(peak_kilobytes() - before < 100000);
}

TEST_CASE("A JPEG 2000 file of thousands of tiles or components is refused before memory is allocated for them") {
  const Bytes whole = bytes_of(io_file("quadrants.jp2"));
  const Bytes marker = bytes("\xff\x4f\xff\x51"s);
  const auto at = static_cast<std::size_t>(std::search(whole.begin(), whole.end(), marker.begin(), marker.end()) - whole.begin());
  REQUIRE(at < whole.size());
  Bytes tiles = whole;
  for (const std::size_t side : {0U, 4U}) {
    tiles[at + 8 + side + 2] = std::byte{1};  // an image of 288x272, one pixel a tile
    for (std::size_t i = 0; i < 4; ++i) tiles[at + 24 + side + i] = static_cast<std::byte>(i == 3 ? 1 : 0);
  }
  Bytes components = whole;
  components[at + 40] = std::byte{0x40};  // 16387
  const long before = peak_kilobytes();
  CHECK(std::string(error_of([&] { (void)decode_image(tiles, "a.jp2"); }, "a.jp2").what()).find("78336 tiles") != std::string::npos);
  CHECK(std::string(error_of([&] { (void)decode_image(components, "a.jp2"); }, "a.jp2").what()).find("16387 components") !=
        std::string::npos);
  CHECK(peak_kilobytes() - before < 100000);
}

TEST_CASE("Formats that posekit does not read are named") {
  const auto [start, word] = GENERATE(std::pair("\0\0\0\x18"
                                                "ftypheic\0\0\0\0mif1heic"s,
                                                "HEIF"),
                                      std::pair("\0\0\0\x18"
                                                "ftypavif\0\0\0\0avifmif1"s,
                                                "AVIF"),
                                      std::pair("\0\0\0\x18"
                                                "ftypcrx \0\0\0\1crx isom"s,
                                                "camera RAW"),
                                      std::pair("II*\0\x10\0\0\0CR\2\0________"s, "camera RAW"),
                                      std::pair("FUJIFILMCCD-RAW 0201"s, "camera RAW"), std::pair("IIRO\x08\0\0\0________"s, "camera RAW"),
                                      std::pair("GIF89a__________"s, "GIF"), std::pair("\0\0\0\x0CJXL \r\n\x87\n____"s, "JPEG XL"));
  const Error error = error_of([&] { (void)decode_image(bytes(start), "IMG_1.jpg"); }, "IMG_1.jpg");
  CHECK(error.code() == ErrorCode::io);
  CHECK(std::string(error.what()).find(word) != std::string::npos);
}

TEST_CASE("A 16-bit image that uses less than an eighth of its range is noted") {
  const auto notes = notes_of([] { (void)read_image(io_file("twelve_bits.tif")); });
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("twelve_bits.tif") != std::string::npos);
  CHECK(notes[0].find("0 to 4088") != std::string::npos);
  for (const char* name : {"gray16.tif", "gray16.png", "rgb16.png", "white_is_zero16.tif", "gray.png", "white_is_zero.tif"})
    CHECK(notes_of([&] { (void)read_image(io_file(name)); }).empty());
}

TEST_CASE("A JPEG file with zeros inside and its end marker there is an error, and nothing is printed") {
  Bytes file = bytes_of(source_dir() / "examples/images/people.jpg");
  std::fill(file.begin() + static_cast<std::ptrdiff_t>(file.size() / 2), file.end() - 2, std::byte{0});
  const std::string printed =
      printed_by([&] { CHECK(error_of([&] { (void)decode_image(file, "broken.jpg"); }, "broken.jpg").code() == ErrorCode::io); });
  CHECK(printed.empty());
}

TEST_CASE("Data beside the pixels do not matter") {
  Bytes jpeg = bytes_of(io_file("orientation_1.jpg"));
  jpeg.resize(jpeg.size() + 1000);  // behind the end marker
  CHECK(worst_in_quadrants(decode_image(jpeg, "trailing.jpg")) <= 4);
  const Bytes thumbnail = bytes("\xff\xe2\0\x06\xff\xd8\xff\xd9"s);  // an end marker inside a segment
  jpeg.insert(jpeg.begin() + 2, thumbnail.begin(), thumbnail.end());
  CHECK(worst_in_quadrants(decode_image(jpeg, "thumbnail.jpg")) <= 4);
  jpeg.resize(jpeg.size() - 1002);
  CHECK(error_of([&] { (void)decode_image(jpeg, "cut.jpg"); }, "cut.jpg").code() == ErrorCode::io);
  Bytes png = bytes_of(io_file("orientation_6.png"));
  const Bytes profile = bytes("\0\0\0\x04iCCPxxxx\0\0\0\0"s);  // neither a profile nor its checksum
  png.insert(png.begin() + 33, profile.begin(), profile.end());
  CHECK(worst_in_quadrants(decode_image(png, "profile.png")) == 0);
  const Bytes text = bytes("\0\0\0\x04tEXta\0bc\0\0\0\0"s);  // behind the pixels, with a wrong checksum
  png.insert(png.end() - 12, text.begin(), text.end());
  CHECK(worst_in_quadrants(decode_image(png, "text.png")) == 0);
  Bytes large = bytes("\0\x90\0\0iTXt"s);  // 9 MiB
  large.resize(large.size() + 0x900000 + 4);
  png.insert(png.begin() + 33, large.begin(), large.end());
  CHECK(worst_in_quadrants(decode_image(png, "large.png")) == 0);
}

TEST_CASE("A file of every format that is cut off is an error, and nothing is printed") {
  const std::string printed = printed_by([] {
    for (const auto& [name, file] : photos()) {
      CAPTURE(name);
      REQUIRE(decode_image(file, name).width == 96);
      for (std::size_t percent = 1; percent < 100; percent += 7) {
        CAPTURE(percent);
        const auto cut = std::span(file).first(file.size() * percent / 100);
        CHECK(error_of([&] { (void)decode_image(cut, name); }, name).code() == ErrorCode::io);
      }
    }
  });
  CHECK(printed.empty());
}

TEST_CASE("200 damaged images of six formats are results or errors, and nothing is printed") {
  const auto files = photos();
  REQUIRE(files.size() == 6);
  std::mt19937 random(2026);
  std::size_t results = 0;
  std::size_t errors = 0;
  const std::string printed = printed_by([&] {
    for (std::size_t i = 0; i < 200; ++i) {
      const auto& [name, file] = files[i % files.size()];
      const Bytes broken = damaged(file, random);
      CAPTURE(i, name);
      try {
        const Image image = decode_image(broken, name, {.max_pixels = 1 << 22});
        CHECK(image.pixels.size() == static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3);
        ++results;
      } catch (const Error& error) {
        check_message_form(error.what(), "image", name);
        ++errors;
      }
    }
  });
  CHECK(printed.empty());
  CHECK(results + errors == 200);
  CHECK(errors > 100);  // BMP and uncompressed pixels have no checksum
}

TEST_CASE("A JPEG file of hundreds of scans is refused") {
  // A gray picture in the standard Huffman codes, one component a scan: 8 blocks of "difference 0, end of block".
  const Bytes file = bytes_of(io_file("orientation_1.jpg"));
  const Bytes marker = bytes("\xff\xda"s);
  const Bytes luma = bytes("\xff\xda\0\x08\1\1\0\0\x3f\0\x28\xa2\x8a\x28\xa2\x8a"s);
  const Bytes chroma = bytes("\xff\xda\0\x08\1\2\x11\0\x3f\0\0\0\0\0\xff\xda\0\x08\1\3\x11\0\x3f\0\0\0\0\0\xff\xd9"s);
  const auto with_scans = [&](int count) {
    Bytes many(file.begin(), std::search(file.begin(), file.end(), marker.begin(), marker.end()));
    for (int i = 2; i < count; ++i) many.insert(many.end(), luma.begin(), luma.end());
    many.insert(many.end(), chroma.begin(), chroma.end());
    return many;
  };
  CHECK(rgb_at(decode_image(with_scans(500), "many.jpg"), 0, 0) == Rgb{128, 128, 128});
  const Error error = error_of([&] { (void)decode_image(with_scans(501), "many.jpg"); }, "many.jpg");
  CHECK(std::string(error.what()).find("500 scans") != std::string::npos);
}
