/// Headers of JPEG and PNG files and EXIF's orientation, sound and broken.
#include "io/image_header.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <initializer_list>
#include <string>
#include <vector>

#include "io/exif.h"
#include "io/files.h"

using namespace posekit;
using posekit_test::bytes_of;
using posekit_test::io_file;

namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
  Bytes result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

/// Little-endian TIFF with one directory entry; the bytes of the entry from the tag on are the caller's.
Bytes tiff(std::initializer_list<int> entry) {
  Bytes result = bytes({'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0});
  const Bytes rest = bytes(entry);
  result.insert(result.end(), rest.begin(), rest.end());
  result.resize(result.size() + 4);
  return result;
}

}  // namespace

TEST_CASE("A header has size and orientation as they are stored") {
  const int orientation = GENERATE(range(1, 9));
  const auto header = read_image_header(bytes_of(io_file("orientation_" + std::to_string(orientation) + ".jpg")));
  REQUIRE(header);
  CHECK(header->orientation == orientation);
  CHECK(header->width == (orientation < 5 ? 32U : 16U));
  CHECK(header->height == (orientation < 5 ? 16U : 32U));
  CHECK(header->complete);
  CHECK_FALSE(header->cmyk);
}

TEST_CASE("A PNG's header has size and orientation") {
  const auto header = read_image_header(bytes_of(io_file("orientation_7.png")));
  REQUIRE(header);
  CHECK(header->width == 16);
  CHECK(header->height == 32);
  CHECK(header->orientation == 7);
  CHECK(header->complete);
}

TEST_CASE("A JPEG of four components is recognised as CMYK") {
  CHECK(read_image_header(bytes_of(io_file("cmyk.jpg")))->cmyk);
  CHECK_FALSE(read_image_header(bytes_of(io_file("gray.jpg")))->cmyk);
}

TEST_CASE("A file cut off anywhere is incomplete or has no header") {
  const std::string name = GENERATE("orientation_3.jpg", "progressive.jpg", "orientation_6.png", "gray16.png");
  const Bytes whole = bytes_of(io_file(name));
  REQUIRE(read_image_header(whole)->complete);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));  // its own allocation: sanitizers see its end
    const auto header = read_image_header(cut);
    INFO(name << " cut to " << size);
    CHECK((!header || !header->complete));
  }
}

TEST_CASE("Bytes after a JPEG's end marker do no harm") {
  Bytes file = bytes_of(io_file("orientation_1.jpg"));
  file.resize(file.size() + 1000, std::byte{0});
  CHECK(read_image_header(file)->complete);
}

TEST_CASE("The end marker of an EXIF thumbnail is not treated as the photo's") {
  Bytes file = bytes_of(io_file("orientation_1.jpg"));
  const Bytes segment = bytes({0xff, 0xe2, 0, 6, 0xff, 0xd8, 0xff, 0xd9});
  file.insert(file.begin() + 2, segment.begin(), segment.end());
  REQUIRE(read_image_header(file)->complete);
  file.pop_back();
  file.pop_back();
  CHECK_FALSE(read_image_header(file)->complete);
}

TEST_CASE("Any single wrong byte leaves header reading within bounds") {
  const std::string name = GENERATE("orientation_6.jpg", "orientation_6.png", "palette_alpha.png");
  const Bytes whole = bytes_of(io_file(name));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      Bytes file = whole;
      file[i] = static_cast<std::byte>(value);
      const auto header = read_image_header(file);
      if (header) CHECK((header->orientation >= 1 && header->orientation <= 8));
    }
  }
}

TEST_CASE("Other files have no header that posekit reads") {
  CHECK_FALSE(read_image_header(bytes_of(io_file("quadrants.bmp"))));
  CHECK_FALSE(read_image_header({}));
  CHECK_FALSE(read_image_header(bytes({0xff, 0xd8, 0xff})));
}

TEST_CASE("EXIF orientation is read in both byte orders") {
  CHECK(exif_orientation(tiff({0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0})) == 6);
  const Bytes big_endian = bytes({'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0});
  CHECK(exif_orientation(big_endian) == 8);
}

TEST_CASE("Invalid EXIF data mean upright") {
  CHECK(exif_orientation({}) == 1);
  CHECK(exif_orientation(bytes({'I', 'I', 42, 0})) == 1);
  CHECK(exif_orientation(tiff({0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0})) == 1);              // 0 is no orientation
  CHECK(exif_orientation(tiff({0x12, 1, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0})) == 1);              // nor is 9
  CHECK(exif_orientation(tiff({0x12, 1, 4, 0, 1, 0, 0, 0, 6, 0, 0, 0})) == 1);              // a type that is not SHORT
  CHECK(exif_orientation(tiff({0x13, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0})) == 1);              // another tag
  CHECK(exif_orientation(bytes({'I', 'I', 42, 0, 0xff, 0xff, 0xff, 0xff, 1, 0})) == 1);     // a directory far outside
  CHECK(exif_orientation(bytes({'I', 'I', 42, 0, 8, 0, 0, 0, 0xff, 0xff, 0x12, 1})) == 1);  // entries that are not there
  Bytes other_magic = tiff({0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0});
  other_magic[2] = std::byte{43};
  CHECK(exif_orientation(other_magic) == 1);
}
