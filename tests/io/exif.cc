/// EXIF's orientation, sound and broken.
#include "io/exif.h"

#include <catch2/catch_test_macros.hpp>
#include <initializer_list>
#include <vector>

using namespace posekit;

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
