/// Reads image files as upright bgr8.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <opencv2/imgcodecs.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/image_header.h"
#include "posekit/error.h"
#include "posekit/image_io.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t most_file_bytes = std::uintmax_t{1} << 31;

[[noreturn]] void fail(ErrorCode code, const std::string& name, const std::string& what) {
  throw Error(code, fmt::format("image \"{}\" {}", name, what));
}

void check_size(std::uint64_t width, std::uint64_t height, const std::string& name, const ReadOptions& options) {
  if (width == 0 || height == 0)
    fail(ErrorCode::io, name, fmt::format("has the size {}x{}: the file is broken, fetch or copy it again", width, height));
  if (width > options.max_pixels / height) {
    fail(ErrorCode::invalid_argument, name,
         fmt::format("has {}x{} pixels, at most {} are allowed: scale it down, or raise max_pixels", width, height, options.max_pixels));
  }
}

/// One decoded pixel as 8-bit bgr, whatever its depth and channels.
template <class Value>
void copy_pixels(const cv::Mat& mat, int to_8_bit, Image& image) {
  const int channels = mat.channels();
  std::uint8_t* out = image.pixels.data();
  for (int y = 0; y < mat.rows; ++y) {
    const Value* row = mat.ptr<Value>(y);
    for (int x = 0; x < mat.cols; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int value = row[x * channels + (channels < 3 ? 0 : c)];
        *out++ = static_cast<std::uint8_t>((value + to_8_bit / 2) / to_8_bit);
      }
    }
  }
}

Image to_bgr8(const cv::Mat& mat, const std::string& name) {
  Image image{std::vector<std::uint8_t>(mat.total() * 3), mat.cols, mat.rows, PixelFormat::bgr8};
  switch (mat.depth()) {
    case CV_8U: copy_pixels<std::uint8_t>(mat, 1, image); break;
    case CV_16U: copy_pixels<std::uint16_t>(mat, 257, image); break;
    default: fail(ErrorCode::io, name, "has pixels of a type other than 8 or 16 bits, one of these is expected: convert it to PNG or JPEG");
  }
  return image;
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

cv::Mat decode(std::span<const std::byte> file, bool cmyk, const std::string& name) {
  // OpenCV reads from a Mat over the bytes and does not write to it.
  const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8U, const_cast<std::byte*>(file.data()));
  // Colour and depth as they are in the file: converting is done above, the same for every OpenCV version. CMYK only OpenCV can convert.
  const int flags = cmyk ? cv::IMREAD_COLOR : cv::IMREAD_ANYCOLOR | cv::IMREAD_ANYDEPTH;
  try {
    return cv::imdecode(bytes, flags | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception& error) {
    fail(ErrorCode::io, name, fmt::format("can't be decoded ({}): fetch it again, or convert it to PNG or JPEG", error.err));
  }
}

std::vector<std::byte> read_file(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const std::string name = path.string();
  if (status.type() == fs::file_type::not_found) fail(ErrorCode::not_found, name, "does not exist: check the path");
  if (status.type() == fs::file_type::directory) fail(ErrorCode::io, name, "is a folder, an image file is expected");
  if (status.type() != fs::file_type::regular)
    fail(ErrorCode::io, name, "is not a readable regular file: check the path and its permissions");
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(ErrorCode::io, name, fmt::format("can't be opened ({}): check its permissions", std::strerror(errno)));
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error || bytes > most_file_bytes)
    fail(ErrorCode::io, name, fmt::format("has {} bytes, at most {} are allowed", bytes, most_file_bytes));
  std::vector<std::byte> content(static_cast<std::size_t>(bytes));
  file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(content.size()));
  if (static_cast<std::uintmax_t>(file.gcount()) != bytes) fail(ErrorCode::io, name, "could not be read to its end: check the disk");
  return content;
}

}  // namespace

Image decode_image(std::span<const std::byte> file, const std::string& name, const ReadOptions& options) {
  if (file.empty()) fail(ErrorCode::io, name, "is empty: fetch or copy it again");
  if (file.size() > most_file_bytes - 1)
    fail(ErrorCode::io, name, fmt::format("has {} bytes, at most {} are allowed", file.size(), most_file_bytes - 1));
  const std::optional<ImageHeader> header = read_image_header(file);
  if (header) {
    check_size(header->width, header->height, name, options);
    if (!header->complete) fail(ErrorCode::io, name, "is cut off: fetch or copy it again");
  }
  const cv::Mat mat = decode(file, header && header->cmyk, name);
  if (mat.empty()) fail(ErrorCode::io, name, "is not an image, is broken, or has a format that OpenCV can't read: JPEG or PNG is expected");
  check_size(static_cast<std::uint64_t>(mat.cols), static_cast<std::uint64_t>(mat.rows), name, options);
  return upright(to_bgr8(mat, name), header ? header->orientation : 1);
}

Size image_size(const fs::path& path, const ReadOptions& options) {
  const std::vector<std::byte> file = read_file(path);
  const std::string name = path.string();
  const std::optional<ImageHeader> header = read_image_header(file);
  if (!header) return decode_image(file, name, options).view().size();
  check_size(header->width, header->height, name, options);
  const Size stored{static_cast<int>(header->width), static_cast<int>(header->height)};
  return header->orientation >= 5 ? Size{stored.height, stored.width} : stored;
}

Image read_image(const fs::path& path, const ReadOptions& options) { return decode_image(read_file(path), path.string(), options); }

}  // namespace posekit::inline v0
