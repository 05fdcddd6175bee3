/// Reading and writing image files (library posekit::io).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "posekit/export.h"
#include "posekit/image.h"

namespace posekit::inline v0 {

struct ReadOptions {
  std::uint64_t max_pixels = std::uint64_t{1} << 28;  ///< Larger images are refused, by their header where it tells (JPEG, PNG).
};

/// Reads an image file as upright bgr8: EXIF orientation applied, 16-bit scaled by 1/257, CMYK converted, gray spread, alpha dropped.
/// @throws Error not_found, io (not an image, truncated, not readable), invalid_argument (more than max_pixels)
[[nodiscard]] POSEKIT_API Image read_image(const std::filesystem::path& path, const ReadOptions& options = {});

/// As read_image, from the file's bytes. @param name what messages call the image
[[nodiscard]] POSEKIT_API Image decode_image(std::span<const std::byte> file, const std::string& name, const ReadOptions& options = {});

/// Writes an image as the extension says (.png, .jpg, …), whole or not at all: to a temporary file beside it, then renamed.
/// @throws Error invalid_argument (unknown extension, bad view), io
POSEKIT_API void write_image(const std::filesystem::path& path, const ImageView& image);

/// Writes a file piece by piece, whole or not at all: to a temporary file beside it, which `finish` renames. One thread at a time may use
/// it.
class POSEKIT_API OutputFile {
 public:
  /// @throws Error io
  explicit OutputFile(const std::filesystem::path& path);
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  /// Not finished: nothing is left.
  ~OutputFile();

  /// @throws Error io, invalid_argument (finished)
  void write(std::span<const std::byte> bytes);
  /// Gives the file its name, in place of a file that has it. @throws Error io, invalid_argument (called again)
  void finish();

 private:
  void check_open() const;

  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes bytes whole or not at all: to a temporary file beside it, then renamed.
/// @throws Error io
POSEKIT_API void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace posekit::inline v0
