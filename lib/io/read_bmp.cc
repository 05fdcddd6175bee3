/// Reads BMP files: every header since OS/2, masks, palettes, run lengths ("Bitmap Storage", Windows documentation).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "base/bytes.h"
#include "io/image_decoder.h"

namespace posekit::inline v0 {
namespace {

constexpr std::size_t file_header_bytes = 14;
constexpr std::size_t core_header_bytes = 12;  // OS/2's, with sides of 16 bits and a palette of three bytes a colour
constexpr std::size_t info_header_bytes = 40;

enum Compression : std::uint32_t { rgb = 0, rle8 = 1, rle4 = 2, bitfields = 3, alpha_bitfields = 6 };

using Bgr = std::array<std::uint8_t, 3>;

/// The bits of a colour in a pixel.
struct Mask {
  std::uint32_t bits = 0;
  int shift = 0;

  explicit Mask(std::uint32_t mask = 0) : bits(mask), shift(mask == 0 ? 0 : std::countr_zero(mask)) {}
  /// Scaled to 0..255 and cut off, as Pillow does.
  [[nodiscard]] std::uint8_t value(std::uint32_t pixel) const {
    const std::uint32_t most = bits >> shift;
    const std::uint32_t part = (pixel & bits) >> shift;
    if (most == 255) return static_cast<std::uint8_t>(part);
    return static_cast<std::uint8_t>(std::uint64_t{part} * 255 / std::max(most, 1U));
  }
};

class BmpDecoder final : public ImageDecoder {
 public:
  BmpDecoder(FileBytes file, const std::string& name);
  std::optional<ValueRange> decode(std::uint8_t* bgr) override;

 private:
  [[nodiscard]] std::uint32_t number(std::size_t at, std::size_t bytes) const {
    if (at > file_.size() || file_.size() - at < bytes) fail_to_decode(name_, "the file ends early");
    return static_cast<std::uint32_t>(little_endian(file_.subspan(at, bytes)));
  }
  void read_masks(std::size_t header_bytes);
  void read_palette(std::size_t at, std::size_t color_bytes, std::size_t most);
  [[nodiscard]] const Bgr& color(std::size_t index) const {
    if (index >= palette_.size()) fail_to_decode(name_, fmt::format("a pixel names colour {} of {}", index, palette_.size()));
    return palette_[index];
  }
  [[nodiscard]] std::uint8_t* row(std::uint8_t* bgr, std::size_t y) const {
    return bgr + (top_down_ ? y : static_cast<std::size_t>(header_.height) - 1 - y) * static_cast<std::size_t>(header_.width) * 3;
  }
  void decode_rows(std::uint8_t* bgr) const;
  void decode_runs(std::uint8_t* bgr) const;

  FileBytes file_;
  std::string name_;
  std::size_t pixels_at_ = 0;
  std::uint32_t bits_ = 0;
  std::uint32_t compression_ = rgb;
  bool top_down_ = false;
  std::array<Mask, 3> masks_;  ///< Blue, green, red.
  std::vector<Bgr> palette_;
};

BmpDecoder::BmpDecoder(FileBytes file, const std::string& name) : file_(file), name_(name) {
  pixels_at_ = number(10, 4);
  const std::size_t header_bytes = number(file_header_bytes, 4);
  if (header_bytes == core_header_bytes) {
    header_ = {number(18, 2), number(20, 2), 1};
    bits_ = number(24, 2);
  } else if (header_bytes >= 16 && header_bytes <= 256) {
    const auto width = static_cast<std::int32_t>(number(18, 4));
    const std::int64_t height = static_cast<std::int32_t>(number(22, 4));
    top_down_ = height < 0;
    header_ = {static_cast<std::uint64_t>(std::max(width, 0)), static_cast<std::uint64_t>(top_down_ ? -height : height), 1};
    bits_ = number(28, 2);
    compression_ = header_bytes >= 20 ? number(30, 4) : std::uint32_t{rgb};
  } else {
    fail_to_decode(name_, fmt::format("its header has {} bytes", header_bytes));
  }
  if (pixels_at_ < file_header_bytes + header_bytes) fail_to_decode(name, "its pixels begin inside its header");
  const bool runs = (compression_ == rle8 && bits_ == 8) || (compression_ == rle4 && bits_ == 4);
  const bool masks = (compression_ == bitfields || compression_ == alpha_bitfields) && (bits_ == 16 || bits_ == 32);
  constexpr std::array depths{1U, 2U, 4U, 8U, 16U, 24U, 32U};
  if ((!runs && !masks && compression_ != rgb) || std::ranges::find(depths, bits_) == depths.end())
    fail_to_decode(name_, fmt::format("compression {} with {} bits a pixel", compression_, bits_));
  if (bits_ <= 8) {
    const std::size_t used = header_bytes >= info_header_bytes ? number(46, 4) : 0;
    const std::size_t most = std::size_t{1} << bits_;
    read_palette(file_header_bytes + header_bytes, header_bytes == core_header_bytes ? 3 : 4, used == 0 ? most : std::min(used, most));
  } else {
    read_masks(header_bytes);
  }
}

void BmpDecoder::read_masks(std::size_t header_bytes) {
  constexpr std::size_t masks_at = file_header_bytes + info_header_bytes;  // in the header or behind it
  if (compression_ == rgb) {
    masks_ = bits_ == 16 ? std::array{Mask(0x1f), Mask(0x3e0), Mask(0x7c00)} : std::array{Mask(0xff), Mask(0xff00), Mask(0xff0000)};
    return;
  }
  if (header_bytes < info_header_bytes) fail_to_decode(name_, "its masks are missing");
  for (std::size_t c = 0; c < 3; ++c) {
    masks_[2 - c] = Mask(number(masks_at + 4 * c, 4));
    const std::uint32_t ones = masks_[2 - c].bits >> masks_[2 - c].shift;
    if (ones == 0 || (ones & (ones + 1)) != 0) fail_to_decode(name_, fmt::format("a mask is {:#x}", masks_[2 - c].bits));
  }
}

/// @param most colours; fewer where the pixels begin before
void BmpDecoder::read_palette(std::size_t at, std::size_t color_bytes, std::size_t most) {
  for (std::size_t i = 0; i < most && at + color_bytes <= pixels_at_; ++i, at += color_bytes) {
    const std::uint32_t value = number(at, 3);
    palette_.push_back({static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value >> 16)});
  }
}

std::optional<ValueRange> BmpDecoder::decode(std::uint8_t* bgr) {
  if (compression_ == rle8 || compression_ == rle4) {
    decode_runs(bgr);
  } else {
    decode_rows(bgr);
  }
  return std::nullopt;
}

void BmpDecoder::decode_rows(std::uint8_t* bgr) const {
  const auto width = static_cast<std::size_t>(header_.width);
  const std::size_t stride = (width * bits_ + 31) / 32 * 4;
  const std::size_t needed = (width * bits_ + 7) / 8;  // some programs leave out the last row's padding
  for (std::size_t y = 0; y < header_.height; ++y) {
    const std::size_t at = pixels_at_ + y * stride;
    if (at > file_.size() || file_.size() - at < needed) fail_to_decode(name_, "the file ends early");
    const FileBytes from = file_.subspan(at, needed);
    std::uint8_t* to = row(bgr, y);
    for (std::size_t x = 0; x < width; ++x, to += 3) {
      if (bits_ <= 8) {
        const std::size_t first_bit = x * bits_;
        const auto byte = std::to_integer<unsigned>(from[first_bit / 8]);
        std::ranges::copy(color(byte >> (8 - bits_ - first_bit % 8) & ((1U << bits_) - 1)), to);
      } else {
        const std::size_t bytes = bits_ / 8;
        const auto pixel = static_cast<std::uint32_t>(little_endian(from.subspan(x * bytes, bytes)));
        for (std::size_t c = 0; c < 3; ++c) to[c] = masks_[c].value(pixel);
      }
    }
  }
}

void BmpDecoder::decode_runs(std::uint8_t* bgr) const {
  const auto width = static_cast<std::size_t>(header_.width);
  const auto height = static_cast<std::size_t>(header_.height);
  for (std::size_t y = 0; y < height; ++y) {  // what the runs leave out has the first colour
    for (std::size_t x = 0; x < width; ++x) std::ranges::copy(color(0), row(bgr, y) + 3 * x);
  }
  std::size_t at = pixels_at_;
  std::size_t x = 0;
  std::size_t y = 0;
  const auto put = [&](std::size_t index) {
    if (x >= width || y >= height) fail_to_decode(name_, "a run leaves the image");
    std::ranges::copy(color(index), row(bgr, y) + 3 * x++);
  };
  const auto index_of = [&](unsigned byte, std::size_t i) -> std::size_t { return bits_ == 8 ? byte : i % 2 == 0 ? byte >> 4 : byte & 15; };
  for (;;) {
    const std::size_t count = number(at, 1);
    const std::size_t value = number(at + 1, 1);
    at += 2;
    if (count > 0) {
      for (std::size_t i = 0; i < count; ++i) put(index_of(static_cast<unsigned>(value), i));
    } else if (value == 0) {  // end of the row
      x = 0;
      ++y;
    } else if (value == 1) {  // end of the image
      return;
    } else if (value == 2) {  // to the right and on
      x += number(at, 1);
      y += number(at + 1, 1);
      at += 2;
    } else {  // pixels one by one, padded to two bytes
      const std::size_t bytes = bits_ == 8 ? value : (value + 1) / 2;
      for (std::size_t i = 0; i < value; ++i) put(index_of(number(at + (bits_ == 8 ? i : i / 2), 1), i));
      at += bytes + bytes % 2;
    }
  }
}

}  // namespace

std::unique_ptr<ImageDecoder> open_bmp(FileBytes file, const std::string& name) { return std::make_unique<BmpDecoder>(file, name); }

}  // namespace posekit::inline v0
