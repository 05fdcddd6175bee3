/// The orientation in EXIF data.
#pragma once

#include <cstddef>
#include <span>

namespace posekit::inline v0 {

/// @param tiff the TIFF structure of an EXIF block, without the "Exif" prefix of JPEG
/// @return 1 to 8; 1 where there is none or the data are broken
[[nodiscard]] int exif_orientation(std::span<const std::byte> tiff) noexcept;

}  // namespace posekit::inline v0
