/// What reads the files of each image format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "posekit/error.h"

namespace posekit::inline v0 {

using FileBytes = std::span<const std::byte>;

/// What is known of an image before its pixels are decoded.
struct ImageHeader {
  std::uint64_t width = 0;  ///< As stored: an orientation of 5 to 8 swaps the sides.
  std::uint64_t height = 0;
  int orientation = 1;  ///< EXIF (CIPA DC-008), 1 to 8; 1 is upright.
};

/// The lowest and the highest value of pixels of 16 bits.
struct ValueRange {
  std::uint16_t lowest = 0xffff;
  std::uint16_t highest = 0;
};

/// One image file. Nothing is allocated in proportion to its size until `decode`, so that the size can be refused before.
class ImageDecoder {
 public:
  ImageDecoder() = default;
  ImageDecoder(const ImageDecoder&) = delete;
  ImageDecoder& operator=(const ImageDecoder&) = delete;
  virtual ~ImageDecoder() = default;

  [[nodiscard]] const ImageHeader& header() const noexcept { return header_; }
  /// Decodes the pixels as stored into bgr8 without gaps. To be called once, for a header with no side of 0.
  /// @return the range of values of 16 bits, if the file has such
  /// @throws Error io if something of the pixels is broken or missing
  virtual std::optional<ValueRange> decode(std::uint8_t* bgr) = 0;

 protected:
  ImageHeader header_;
};

// One for each format. The bytes are borrowed as long as the decoder is used; `name` is what messages call the image.
// @throws Error io if the header is broken, or asks for what posekit does not read
[[nodiscard]] std::unique_ptr<ImageDecoder> open_jpeg(FileBytes file, const std::string& name);
[[nodiscard]] std::unique_ptr<ImageDecoder> open_png(FileBytes file, const std::string& name);
[[nodiscard]] std::unique_ptr<ImageDecoder> open_webp(FileBytes file, const std::string& name);
[[nodiscard]] std::unique_ptr<ImageDecoder> open_tiff(FileBytes file, const std::string& name);
[[nodiscard]] std::unique_ptr<ImageDecoder> open_bmp(FileBytes file, const std::string& name);
[[nodiscard]] std::unique_ptr<ImageDecoder> open_jpeg2000(FileBytes file, const std::string& name);

/// A format that files are recognised as.
struct ImageFormat {
  std::string_view name;
  std::unique_ptr<ImageDecoder> (*open)(FileBytes file, const std::string& name);  ///< Null: posekit does not read it.
};

/// Formats of many makers, some of them TIFF.
inline constexpr std::string_view camera_raw_format = "camera RAW";

/// The format of a file that begins with these bytes. @param start 16 bytes, or the whole file if it has fewer @return null: none
[[nodiscard]] const ImageFormat* recognise_image(FileBytes start) noexcept;

/// @param what of the image, with the remedy
[[noreturn]] void fail_image(ErrorCode code, const std::string& name, const std::string& what);
/// @param format of the file, which posekit recognises and does not read
[[noreturn]] void refuse_format(const std::string& name, std::string_view format);
/// @param reason as a decoder puts it: cut to one line of printable characters
[[noreturn]] void fail_to_decode(const std::string& name, std::string_view reason);

/// Writes 16-bit values as 8-bit ones: value / 257, rounded. @param count of values, of both
ValueRange scale_to_8_bits(const std::uint16_t* values, std::size_t count, std::uint8_t* out) noexcept;

}  // namespace posekit::inline v0
