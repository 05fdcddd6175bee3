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

/// Sets which images `read_image` and `decode_image` refuse.
struct ReadOptions {
  /// Images with more pixels are refused by their header, before pixels are allocated.
  std::uint64_t max_pixels = std::uint64_t{1} << 28;
};

/// Reads an image file as upright bgr8.
///
/// JPEG, PNG, WebP, TIFF, BMP and JPEG 2000 are read; docs/formats.md says what of each. The EXIF
/// orientation is applied, 16-bit values are scaled by 1/257, CMYK is converted, gray is spread to
/// three channels, and alpha is dropped. A 16-bit image that uses less than an eighth of its range
/// is noted in the log. Nothing is printed. Safe to call from several threads.
///
/// @throws Error not_found if there is no such file
/// @throws Error io if the file is not an image of these formats, can't be read, or is broken: a
///     decoder's warning about the pixels is an error
/// @throws Error invalid_argument if the image has more than `max_pixels`
[[nodiscard]] POSEKIT_API Image read_image(const std::filesystem::path& path, const ReadOptions& options = {});

/// Reads an image from the bytes of its file, otherwise as read_image does.
///
/// @param file borrowed for the call
/// @param name what messages call the image
/// @throws Error io if the bytes are not an image or are truncated
/// @throws Error invalid_argument if the image has more than `max_pixels`
[[nodiscard]] POSEKIT_API Image decode_image(std::span<const std::byte> file, const std::string& name, const ReadOptions& options = {});

/// Returns the size of an image file, upright: that of the image that read_image gives.
///
/// Only the header is decoded.
///
/// @throws Error as read_image does
[[nodiscard]] POSEKIT_API Size image_size(const std::filesystem::path& path, const ReadOptions& options = {});

/// Sets how files are written, by every function and class that writes one.
///
/// All write to a temporary file beside the path (.posekit-PID-N.tmp…), which is then renamed. What
/// killed processes of the same user have left of such files is removed when a process first writes
/// to a folder.
struct WriteOptions {
  /// Whether the bytes are on the disk before the file has its name.
  ///
  /// Else a power cut may leave a file that has its name and lacks bytes. It takes the disk's time
  /// for every file.
  bool sync = true;
};

/// Writes an image as PNG or JPEG, as the extension says (.png, .jpg, .jpeg), whole or not at all.
///
/// @throws Error invalid_argument if the extension is unknown, or the view is not valid or on a
///     device
/// @throws Error io if the image can't be encoded or written
POSEKIT_API void write_image(const std::filesystem::path& path, const ImageView& image, const WriteOptions& options = {});

/// Writes a file piece by piece, whole or not at all.
///
/// `finish` renames its temporary file.
///
/// One thread at a time may use it. A moved-from file may only be assigned to or destroyed.
class POSEKIT_API OutputFile {
 public:
  /// Opens the temporary file.
  ///
  /// @throws Error io if it can't be made
  explicit OutputFile(const std::filesystem::path& path, const WriteOptions& options = {});
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  /// Removes the temporary file, so that nothing is left, unless the file is finished.
  ~OutputFile();

  /// Appends bytes.
  ///
  /// @throws Error io if they can't be written
  /// @throws Error invalid_argument if the file is finished
  void write(std::span<const std::byte> bytes);
  /// Gives the file its name, in place of a file that has it.
  ///
  /// @throws Error io if the file could not be written whole, or can't be renamed
  /// @throws Error invalid_argument if it is called again
  void finish();

 private:
  void check_open() const;

  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes bytes to a file, whole or not at all.
///
/// @throws Error io if the file can't be written
POSEKIT_API void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes, const WriteOptions& options = {});

}  // namespace posekit::inline v0
