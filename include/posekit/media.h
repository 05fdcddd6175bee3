/// Says which files are images and videos (library posekit::io).
#pragma once

#include <cstdint>
#include <filesystem>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// Says what a file is.
enum class MediaKind : std::uint8_t { other, image, video };

/// Returns what a file is, by its extension alone, in any case.
///
/// Images are .jpg .jpeg .jpe .jfif .png .bmp .webp .tif .tiff .jp2. Videos are .mp4 .avi .mov .mkv
/// .webm .m4v .mpg .mpeg .mts .m2ts .ts .3gp .wmv .flv .ogv.
[[nodiscard]] POSEKIT_API MediaKind media_kind(const std::filesystem::path& file);

/// Returns what a file is, by its first bytes, whatever its name.
///
/// Images that posekit does not read (HEIC, AVIF, GIF, camera RAW, …) are images too: reading one
/// says so.
///
/// @return other if posekit does not know the format, or can't read the file
[[nodiscard]] POSEKIT_API MediaKind media_kind_of_content(const std::filesystem::path& file);

}  // namespace posekit::inline v0
