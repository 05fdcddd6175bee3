/// What an image file's header tells: JPEG (ITU-T T.81) and PNG (W3C).
#include "io/image_header.h"

#include <algorithm>
#include <string_view>

#include "base/bytes.h"
#include "io/exif.h"

namespace posekit::inline v0 {
namespace {

using Bytes = std::span<const std::byte>;

bool begins_with(Bytes bytes, std::string_view text) noexcept {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(), [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
}

bool is_frame(std::byte marker) noexcept {
  const auto value = std::to_integer<int>(marker);  // SOF0 to SOF15, less DHT, JPG and DAC
  return value >= 0xc0 && value <= 0xcf && value != 0xc4 && value != 0xc8 && value != 0xcc;
}

/// Whether the end marker stands behind the scan, whatever bytes follow it.
bool has_end_marker(Bytes scan) noexcept {
  for (std::size_t i = scan.size(); i >= 2; --i) {
    if (scan[i - 2] == std::byte{0xff} && scan[i - 1] == std::byte{0xd9}) return true;
  }
  return false;
}

std::optional<ImageHeader> read_jpeg(Bytes file) noexcept {
  constexpr std::string_view exif_prefix{"Exif\0\0", 6};
  ImageHeader header;
  header.complete = false;
  bool has_frame = false;
  for (std::size_t at = 2; at + 4 <= file.size();) {
    if (file[at] != std::byte{0xff}) return std::nullopt;
    const std::byte marker = file[at + 1];
    if (marker == std::byte{0xff}) {  // fill
      ++at;
      continue;
    }
    const std::size_t length = big_endian(file.subspan(at + 2, 2));
    if (length < 2 || file.size() - at - 2 < length) return has_frame ? std::optional(header) : std::nullopt;
    const Bytes segment = file.subspan(at + 4, length - 2);
    if (is_frame(marker)) {
      if (segment.size() < 6) return std::nullopt;
      header.height = big_endian(segment.subspan(1, 2));
      header.width = big_endian(segment.subspan(3, 2));
      header.cmyk = segment[5] == std::byte{4};
      has_frame = true;
    } else if (marker == std::byte{0xe1} && begins_with(segment, exif_prefix)) {
      header.orientation = exif_orientation(segment.subspan(exif_prefix.size()));
    } else if (marker == std::byte{0xda}) {
      header.complete = has_end_marker(file.subspan(at));
      break;
    }
    at += 2 + length;
  }
  if (!has_frame) return std::nullopt;
  return header;
}

std::optional<ImageHeader> read_png(Bytes file) noexcept {
  ImageHeader header;
  header.complete = false;
  for (std::size_t at = 8; file.size() >= 12 && at <= file.size() - 12;) {
    const std::uint64_t length = big_endian(file.subspan(at, 4));
    const Bytes type = file.subspan(at + 4, 4);
    if (length > file.size() - at - 12) break;
    const Bytes data = file.subspan(at + 8, static_cast<std::size_t>(length));
    if (begins_with(type, "IHDR") && data.size() >= 8) {
      header.width = big_endian(data.subspan(0, 4));
      header.height = big_endian(data.subspan(4, 4));
    } else if (begins_with(type, "eXIf")) {
      header.orientation = exif_orientation(data);
    } else if (begins_with(type, "IEND")) {
      header.complete = true;
      break;
    }
    at += 12 + static_cast<std::size_t>(length);
  }
  if (header.width == 0 && header.height == 0 && file.size() >= 24 && begins_with(file.subspan(12), "IHDR")) {
    header.width = big_endian(file.subspan(16, 4));
    header.height = big_endian(file.subspan(20, 4));
  }
  return header;
}

}  // namespace

std::optional<ImageHeader> read_image_header(Bytes file) noexcept {
  if (begins_with(file, "\xff\xd8\xff")) return read_jpeg(file);
  if (begins_with(file, "\x89PNG\r\n\x1a\n")) return read_png(file);
  return std::nullopt;
}

}  // namespace posekit::inline v0
