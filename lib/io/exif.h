/// The orientation in EXIF data.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace posekit::inline v0 {

/// What an EXIF block begins with in a JPEG file, and by some programs in a WebP file.
inline constexpr std::string_view exif_prefix{"Exif\0\0", 6};

/// @param exif an EXIF block: a TIFF structure, behind the prefix or not
/// @return 1 to 8; 1 where there is none or the data are broken
[[nodiscard]] int exif_orientation(std::span<const std::byte> exif) noexcept;

}  // namespace posekit::inline v0
