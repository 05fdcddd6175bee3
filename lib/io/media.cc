/// Which files are images and videos.
#include "posekit/media.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "io/encoding.h"
#include "io/video_header.h"

namespace posekit::inline v0 {
namespace {

using namespace std::string_view_literals;

constexpr std::array image_extensions{".jpg"sv, ".jpeg"sv, ".jpe"sv, ".jfif"sv, ".png"sv,
                                      ".bmp"sv, ".webp"sv, ".tif"sv, ".tiff"sv, ".jp2"sv};
constexpr std::array video_extensions{".mp4"sv, ".avi"sv,  ".mov"sv, ".mkv"sv, ".webm"sv, ".m4v"sv, ".mpg"sv, ".mpeg"sv,
                                      ".mts"sv, ".m2ts"sv, ".ts"sv,  ".3gp"sv, ".wmv"sv,  ".flv"sv, ".ogv"sv};

bool is_image(std::string_view start) {
  constexpr std::array beginnings{"\xFF\xD8\xFF"sv,  // JPEG
                                  "\x89PNG\r\n\x1A\n"sv,
                                  "BM"sv,
                                  "II*\0"sv,
                                  "MM\0*"sv,  // TIFF
                                  "II+\0"sv,
                                  "MM\0+"sv,  // BigTIFF
                                  "\0\0\0\x0CjP  "sv,
                                  "\xFF\x4F\xFF\x51"sv};  // JPEG 2000
  return std::ranges::any_of(beginnings, [&](std::string_view beginning) { return start.starts_with(beginning); }) ||
         (start.starts_with("RIFF") && start.substr(std::min<std::size_t>(8, start.size())).starts_with("WEBP"));
}

/// HEIC and AVIF: images in the container of MP4.
bool is_heif(std::string_view start) {
  constexpr std::array brands{"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "mif1"sv, "msf1"sv, "avif"sv, "avis"sv};
  return start.size() >= 12 && start.substr(4, 4) == "ftyp" && std::ranges::find(brands, start.substr(8, 4)) != brands.end();
}

}  // namespace

MediaKind media_kind(const std::filesystem::path& file) {
  const std::string extension = lower_extension(file);
  if (std::ranges::find(image_extensions, extension) != image_extensions.end()) return MediaKind::image;
  return std::ranges::find(video_extensions, extension) != video_extensions.end() ? MediaKind::video : MediaKind::other;
}

MediaKind media_kind_of_content(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return MediaKind::other;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream) return MediaKind::other;
  const std::string start = bytes_at(stream, 0, 16);
  if (is_image(start)) return MediaKind::image;
  return !is_heif(start) && read_video_header(stream, size) ? MediaKind::video : MediaKind::other;
}

}  // namespace posekit::inline v0
