/// Reads image files as upright bgr8.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "io/image_decoder.h"
#include "posekit/error.h"
#include "posekit/image_io.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t most_file_bytes = (std::uintmax_t{1} << 31) - 1;

void check_bytes(std::uintmax_t bytes, const std::string& name) {
  if (bytes > most_file_bytes) fail_image(ErrorCode::io, name, fmt::format("has {} bytes, at most {} are allowed", bytes, most_file_bytes));
}

void check_size(std::uint64_t width, std::uint64_t height, const std::string& name, const ReadOptions& options) {
  if (width == 0 || height == 0)
    fail_image(ErrorCode::io, name, fmt::format("has the size {}x{}: the file is broken, fetch or copy it again", width, height));
  constexpr std::uint64_t longest_side = std::numeric_limits<int>::max();
  if (width > longest_side || height > longest_side || width > options.max_pixels / height) {
    fail_image(
        ErrorCode::invalid_argument, name,
        fmt::format("has {}x{} pixels, at most {} are allowed: scale it down, or raise max_pixels", width, height, options.max_pixels));
  }
}

/// Turns and mirrors as EXIF says, so that the result is upright.
Image upright(Image image, int orientation) {
  if (orientation == 1) return image;
  const bool swaps = orientation >= 5;
  const int width = swaps ? image.height : image.width;
  const int height = swaps ? image.width : image.height;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image turned{std::vector<std::uint8_t>(image.pixels.size()), width, height, image.format};
  std::uint8_t* out = turned.pixels.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      int from_x = swaps ? y : x;
      int from_y = swaps ? x : y;
      if (from_right) from_x = image.width - 1 - from_x;
      if (from_bottom) from_y = image.height - 1 - from_y;
      std::memcpy(
          out,
          &image.pixels[(static_cast<std::size_t>(from_y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(from_x)) * 3],
          3);
      out += 3;
    }
  }
  return turned;
}

std::vector<std::byte> read_file(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const std::string name = path.string();
  if (status.type() == fs::file_type::not_found) fail_image(ErrorCode::not_found, name, "does not exist: check the path");
  if (status.type() == fs::file_type::directory) fail_image(ErrorCode::io, name, "is a folder, an image file is expected");
  if (status.type() != fs::file_type::regular)
    fail_image(ErrorCode::io, name, "is not a readable regular file: check the path and its permissions");
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_image(ErrorCode::io, name, fmt::format("can't be opened ({}): check its permissions", std::strerror(errno)));
  const std::uintmax_t bytes = fs::file_size(path, error);  // more than any file has if it fails
  check_bytes(bytes, name);
  std::vector<std::byte> content(static_cast<std::size_t>(bytes));
  file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(content.size()));
  if (static_cast<std::uintmax_t>(file.gcount()) != bytes) fail_image(ErrorCode::io, name, "could not be read to its end: check the disk");
  return content;
}

std::unique_ptr<ImageDecoder> open_decoder(FileBytes file, const std::string& name, const ReadOptions& options) {
  if (file.empty()) fail_image(ErrorCode::io, name, "is empty: fetch or copy it again");
  check_bytes(file.size(), name);
  const ImageFormat* format = recognise_image(file);
  if (format == nullptr)
    fail_image(ErrorCode::io, name, "is not an image, or is broken: JPEG, PNG, WebP, TIFF, BMP or JPEG 2000 is expected");
  if (format->open == nullptr) refuse_format(name, format->name);
  std::unique_ptr<ImageDecoder> decoder = format->open(file, name);
  check_size(decoder->header().width, decoder->header().height, name, options);
  return decoder;
}

/// Values of 10, 12 or 14 bits in a file of 16 make an image of one tone.
void note_small_range(const ValueRange& range, const std::string& name) {
  constexpr int least = 65536 / 8;
  if (range.highest - range.lowest >= least) return;
  log(LogLevel::warning,
      fmt::format(
          "image \"{}\" has 16-bit values from {} to {} only, of 0 to 65535, so it is nearly of one tone: if it was made with fewer "
          "bits, scale its values up (12 bits: times 16)",
          name, range.lowest, range.highest));
}

}  // namespace

Image decode_image(std::span<const std::byte> file, const std::string& name, const ReadOptions& options) {
  const std::unique_ptr<ImageDecoder> decoder = open_decoder(file, name, options);
  const ImageHeader& header = decoder->header();
  Image image{std::vector<std::uint8_t>(static_cast<std::size_t>(header.width * header.height * 3)), static_cast<int>(header.width),
              static_cast<int>(header.height), PixelFormat::bgr8};
  if (const auto range = decoder->decode(image.pixels.data())) note_small_range(*range, name);
  return upright(std::move(image), header.orientation);
}

Size image_size(const fs::path& path, const ReadOptions& options) {
  const std::vector<std::byte> file = read_file(path);
  const ImageHeader header = open_decoder(file, path.string(), options)->header();
  const Size stored{static_cast<int>(header.width), static_cast<int>(header.height)};
  return header.orientation >= 5 ? Size{stored.height, stored.width} : stored;
}

Image read_image(const fs::path& path, const ReadOptions& options) { return decode_image(read_file(path), path.string(), options); }

}  // namespace posekit::inline v0
