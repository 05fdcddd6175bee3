/// What a container tells of its length: ISO BMFF (MP4, MOV; ISO/IEC 14496-12), RIFF (AVI), EBML (Matroska, WebM; RFC 8794).
#include "io/video_header.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

namespace posekit::inline v0 {
namespace {

using namespace std::string_view_literals;

constexpr int most_parts = 1000000;  // a fragmented MP4 has two for each second or so

/// So many bytes, fewer at the file's end.
std::string bytes_at(std::istream& file, std::uint64_t at, std::size_t count) {
  std::string bytes(count, '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(at));
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

bool is_mp4(std::string_view start) {
  constexpr std::array types{"ftyp"sv, "moov"sv, "mdat"sv, "free"sv, "skip"sv, "wide"sv, "pnot"sv, "styp"sv};
  return start.size() >= 8 && std::ranges::find(types, start.substr(4, 4)) != types.end();
}

VideoHeader walk_mp4(std::istream& file, std::uint64_t size) {
  VideoHeader header{.complete = true, .indexed = false};
  std::uint64_t at = 0;
  for (int part = 0; part < most_parts && size - at >= 8; ++part) {
    const std::string start = bytes_at(file, at, 16);
    if (start.size() < 8) break;
    std::uint64_t length = big_endian(std::string_view(start).substr(0, 4));
    if (length == 1 && start.size() == 16) length = big_endian(std::string_view(start).substr(8));
    if (length == 0) length = size - at;  // to the file's end
    if (length < 8) break;                // no box: whatever follows is not the video's
    header.indexed = header.indexed || start.compare(4, 4, "moov") == 0;
    if (length > size - at) {
      header.complete = false;
      break;
    }
    at += length;
  }
  return header;
}

VideoHeader walk_avi(std::istream& file, std::uint64_t size) {
  std::uint64_t at = 0;
  while (size - at >= 12) {
    const std::string start = bytes_at(file, at, 12);
    if (!start.starts_with("RIFF")) break;
    const std::uint64_t length = little_endian(std::string_view(start).substr(4, 4));
    if (length < 4) break;  // a recording that was not finished does not tell
    if (length > size - at - 8) return {.complete = false, .indexed = true};
    at = std::min(size, at + 8 + length + length % 2);
  }
  return {};
}

/// An element's number of variable length: its bytes, and its value without the length marker.
struct EbmlNumber {
  std::size_t bytes = 0;
  std::uint64_t value = 0;
  bool unknown = false;  ///< All ones: a size that is not told.
};

std::optional<EbmlNumber> ebml_number(std::string_view bytes) {
  if (bytes.empty() || bytes[0] == 0) return std::nullopt;
  const auto first = static_cast<unsigned char>(bytes[0]);
  std::size_t length = 1;
  while ((first >> (8 - length) & 1) == 0) ++length;
  if (bytes.size() < length) return std::nullopt;
  const std::uint64_t mask = (std::uint64_t{1} << (7 * length)) - 1;
  const std::uint64_t value = big_endian(bytes.substr(0, length)) & mask;
  return EbmlNumber{length, value, value == mask};
}

VideoHeader walk_matroska(std::istream& file, std::uint64_t size) {
  constexpr std::size_t id_bytes = 4;  // the outermost elements' ids all have four
  std::uint64_t at = 0;
  while (size - at > id_bytes) {
    const std::string start = bytes_at(file, at, 12);
    const bool is_outermost = start.starts_with("\x1A\x45\xDF\xA3"sv) || start.starts_with("\x18\x53\x80\x67"sv);
    const auto length = is_outermost ? ebml_number(std::string_view(start).substr(id_bytes)) : std::nullopt;
    if (!length || length->unknown) break;
    const std::uint64_t begin = at + id_bytes + length->bytes;
    if (begin > size || length->value > size - begin) return {.complete = false, .indexed = true};
    at = begin + length->value;
  }
  return {};
}

/// Containers and streams that do not tell their length.
bool is_other_video(std::string_view start) {
  constexpr std::array beginnings{"\0\0\1\xBA"sv,
                                  "\0\0\1\xB3"sv,  // MPEG program stream, MPEG-1 and 2 video
                                  "\0\0\1\xB0"sv,
                                  "\0\0\0\1"sv,  // MPEG-4 video, H.264 and H.265
                                  "\x30\x26\xB2\x75"sv,
                                  "FLV\1"sv,  // ASF (WMV), Flash
                                  "OggS"sv,
                                  ".RMF"sv};
  const bool begins = std::ranges::any_of(beginnings, [&](std::string_view beginning) { return start.starts_with(beginning); });
  const bool transport = start.size() > 196 && ((start[0] == 0x47 && start[188] == 0x47) || (start[4] == 0x47 && start[196] == 0x47));
  return begins || transport;
}

}  // namespace

std::optional<VideoHeader> read_video_header(std::istream& file, std::uint64_t size) {
  const std::string start = bytes_at(file, 0, 200);
  if (is_mp4(start)) return walk_mp4(file, size);
  if (start.starts_with("RIFF") && start.compare(8, 4, "AVI ") == 0) return walk_avi(file, size);
  if (start.starts_with("\x1A\x45\xDF\xA3"sv)) return walk_matroska(file, size);
  if (is_other_video(start)) return VideoHeader{};
  return std::nullopt;
}

}  // namespace posekit::inline v0
