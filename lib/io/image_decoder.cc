/// What the readers of image formats share, and which format a file has.
#include "io/image_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace posekit::inline v0 {
namespace {

using namespace std::string_view_literals;

constexpr ImageFormat jpeg{"JPEG", open_jpeg};
constexpr ImageFormat png{"PNG", open_png};
constexpr ImageFormat webp{"WebP", open_webp};
#ifdef POSEKIT_TIFF
constexpr ImageFormat tiff{"TIFF", open_tiff};
#else
constexpr ImageFormat tiff{"TIFF", nullptr};
#endif
constexpr ImageFormat bmp{"BMP", open_bmp};
constexpr ImageFormat jpeg2000{"JPEG 2000", open_jpeg2000};
constexpr ImageFormat heif{"HEIF (HEIC or AVIF)", nullptr};
constexpr ImageFormat gif{"GIF", nullptr};
constexpr ImageFormat jpeg_xl{"JPEG XL", nullptr};
constexpr ImageFormat camera_raw{camera_raw_format, nullptr};

struct Beginning {
  std::string_view text;
  const ImageFormat* format;
};

constexpr std::array beginnings{
    Beginning{"\xFF\xD8\xFF"sv, &jpeg},
    Beginning{"\x89PNG\r\n\x1A\n"sv, &png},
    Beginning{"BM"sv, &bmp},
    Beginning{"II*\0\x10\0\0\0CR"sv, &camera_raw},  // Canon's CR2
    Beginning{"II*\0"sv, &tiff},
    Beginning{"MM\0*"sv, &tiff},
    Beginning{"II+\0"sv, &tiff},  // BigTIFF
    Beginning{"MM\0+"sv, &tiff},
    Beginning{"\0\0\0\x0CjP  "sv, &jpeg2000},
    Beginning{"\xFF\x4F\xFF\x51"sv, &jpeg2000},  // a codestream alone
    Beginning{"GIF8"sv, &gif},
    Beginning{"\xFF\x0A"sv, &jpeg_xl},
    Beginning{"\0\0\0\x0CJXL "sv, &jpeg_xl},
    Beginning{"IIRO"sv, &camera_raw},  // Olympus' ORF
    Beginning{"IIRS"sv, &camera_raw},
    Beginning{"MMOR"sv, &camera_raw},
    Beginning{"IIU\0"sv, &camera_raw},            // Panasonic's RW2
    Beginning{"FUJIFILMCCD-RAW"sv, &camera_raw},  // RAF
    Beginning{"FOVb"sv, &camera_raw},             // Sigma's X3F
};

/// Brands of images in the container of MP4.
constexpr std::array heif_brands{"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "mif1"sv, "msf1"sv, "avif"sv, "avis"sv};

}  // namespace

const ImageFormat* recognise_image(FileBytes start) noexcept {
  for (const Beginning& beginning : beginnings) {
    if (begins_with(start, beginning.text)) return beginning.format;
  }
  if (begins_with(start, "RIFF") && start.size() >= 12 && begins_with(start.subspan(8), "WEBP")) return &webp;
  if (start.size() >= 12 && begins_with(start.subspan(4), "ftyp")) {
    const FileBytes brand = start.subspan(8, 4);
    if (begins_with(brand, "crx ")) return &camera_raw;  // Canon's CR3
    if (std::ranges::any_of(heif_brands, [&](std::string_view one) { return begins_with(brand, one); })) return &heif;
  }
  return nullptr;
}

void fail_image(ErrorCode code, const std::string& name, const std::string& what) {
  throw Error(code, fmt::format("image \"{}\" {}", name, what));
}

void refuse_format(const std::string& name, std::string_view format) {
  fail_image(ErrorCode::io, name, fmt::format("is a {} file, which this posekit does not read: convert it to PNG or JPEG", format));
}

void fail_to_decode(const std::string& name, std::string_view reason) {
  constexpr std::size_t most = 160;
  std::string text(reason.substr(0, std::min(most, reason.find('\n'))));
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  while (text.ends_with('.') || text.ends_with(' ')) text.pop_back();
  fail_image(ErrorCode::io, name, fmt::format("can't be decoded ({}): fetch or copy it again, or convert it to PNG or JPEG", text));
}

ValueRange scale_to_8_bits(const std::uint16_t* values, std::size_t count, std::uint8_t* out) noexcept {
  ValueRange range;
  for (std::size_t i = 0; i < count; ++i) {
    range.lowest = std::min(range.lowest, values[i]);
    range.highest = std::max(range.highest, values[i]);
    out[i] = static_cast<std::uint8_t>((values[i] + 128U) / 257U);
  }
  return range;
}

}  // namespace posekit::inline v0
