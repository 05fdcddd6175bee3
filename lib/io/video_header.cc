/// What a container tells of its length: ISO BMFF (MP4, MOV; ISO/IEC 14496-12), RIFF (AVI), EBML (Matroska, WebM; RFC 8794).
#include "io/video_header.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace posekit::inline v0 {
namespace {

using namespace std::string_view_literals;

constexpr int most_parts = 1000000;  // a fragmented MP4 has two for each second or so

bool is_mp4(std::string_view start) {
  constexpr std::array types{"ftyp"sv, "moov"sv, "mdat"sv, "free"sv, "skip"sv, "wide"sv, "pnot"sv, "styp"sv};
  return start.size() >= 8 && std::ranges::find(types, start.substr(4, 4)) != types.end();
}

/// A part of an MP4 file: four letters, and where its content lies.
struct Part {
  std::string type;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  ///< May lie behind the file's end.
};

/// Calls visit(box) for each box from `at` on, until it returns false or there are no more.
template <class Visit>
void visit_boxes(std::istream& file, std::uint64_t at, std::uint64_t end, Visit visit) {
  for (int part = 0; part < most_parts && at < end && end - at >= 8; ++part) {
    const std::string start = bytes_at(file, at, 16);
    if (start.size() < 8) return;
    std::uint64_t length = big_endian(std::string_view(start).substr(0, 4));
    const bool is_long = length == 1 && start.size() == 16;
    if (is_long) length = big_endian(std::string_view(start).substr(8));
    if (length == 0) length = end - at;         // to the file's end
    if (length < (is_long ? 16U : 8U)) return;  // no box: whatever follows is not the video's
    if (length > ~std::uint64_t{0} - at) length = ~std::uint64_t{0} - at;
    if (!visit(Part{start.substr(4, 4), at + (is_long ? 16 : 8), at + length})) return;
    at += length;
  }
}

/// The angle of a track header's matrix; mirrored pictures are left as they are.
int rotation_of(std::istream& file, const Part& header) {
  const std::string version = bytes_at(file, header.begin, 1);
  const std::size_t matrix_at = version == "\1" ? 52 : 40;
  const std::string matrix = bytes_at(file, header.begin + matrix_at, 20);
  if (matrix.size() < 20) return 0;
  const auto sign = [&](std::size_t index) {
    const auto value = static_cast<std::int32_t>(big_endian(std::string_view(matrix).substr(index * 4, 4)));
    return (value > 0) - (value < 0);
  };
  const std::array signs{sign(0), sign(1), sign(3), sign(4)};
  if (signs == std::array{0, 1, -1, 0}) return 90;
  if (signs == std::array{-1, 0, 0, -1}) return 180;
  return signs == std::array{0, -1, 1, 0} ? 270 : 0;
}

bool is_video(std::istream& file, const Part& media) {
  bool video = false;
  visit_boxes(file, media.begin, media.end, [&](const Part& box) {
    if (box.type != "hdlr") return true;
    video = bytes_at(file, box.begin + 8, 4) == "vide";
    return false;
  });
  return video;
}

/// The rotation of the first video track. OpenCV 4.6 has the sign of the angle wrong, so it is not asked.
int rotation_of_movie(std::istream& file, const Part& movie) {
  int rotation = 0;
  visit_boxes(file, movie.begin, movie.end, [&](const Part& track) {
    if (track.type != "trak") return true;
    int angle = 0;
    bool video = false;
    visit_boxes(file, track.begin, track.end, [&](const Part& box) {
      if (box.type == "tkhd") angle = rotation_of(file, box);
      if (box.type == "mdia") video = is_video(file, box);
      return true;
    });
    if (video) rotation = angle;
    return !video;
  });
  return rotation;
}

VideoHeader walk_mp4(std::istream& file, std::uint64_t size) {
  VideoHeader header{.complete = true, .indexed = false, .rotation = 0};
  visit_boxes(file, 0, size, [&](const Part& box) {
    header.complete = box.end <= size;
    if (box.type == "moov") {
      header.indexed = true;
      header.rotation = rotation_of_movie(file, box);
    }
    return header.complete;
  });
  return header;
}

VideoHeader walk_avi(std::istream& file, std::uint64_t size) {
  std::uint64_t at = 0;
  while (size - at >= 12) {
    const std::string start = bytes_at(file, at, 12);
    if (!start.starts_with("RIFF")) break;
    const std::uint64_t length = little_endian(std::string_view(start).substr(4, 4));
    if (length < 4) break;  // a recording that was not finished does not tell
    if (length > size - at - 8) return {.complete = false, .indexed = true, .rotation = 0};
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
    if (begin > size || length->value > size - begin) return {.complete = false, .indexed = true, .rotation = 0};
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
  if (start.starts_with("RIFF") && std::string_view(start).substr(std::min<std::size_t>(8, start.size())).starts_with("AVI "))
    return walk_avi(file, size);
  if (start.starts_with("\x1A\x45\xDF\xA3"sv)) return walk_matroska(file, size);
  if (is_other_video(start)) return VideoHeader{};
  return std::nullopt;
}

}  // namespace posekit::inline v0
