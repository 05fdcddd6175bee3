/// What an image file's header tells, read by posekit itself before any decoder sees the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace posekit::inline v0 {

struct ImageHeader {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  int orientation = 1;   ///< EXIF, 1 to 8; 1 is upright.
  bool complete = true;  ///< JPEG: whether the end marker is there. PNG: whether the last chunk is.
  bool cmyk = false;     ///< JPEG with four components.
};

/// Reads the header of a JPEG or PNG file. @return none for other files or a broken header
[[nodiscard]] std::optional<ImageHeader> read_image_header(std::span<const std::byte> file) noexcept;

}  // namespace posekit::inline v0
