/// Which files are images and videos.
#include "posekit/media.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "io/encoding.h"
#include "io/image_decoder.h"
#include "io/video_header.h"

namespace posekit::inline v0 {
namespace {

using namespace std::string_view_literals;

constexpr std::array image_extensions{".jpg"sv, ".jpeg"sv, ".jpe"sv, ".jfif"sv, ".png"sv,
                                      ".bmp"sv, ".webp"sv, ".tif"sv, ".tiff"sv, ".jp2"sv};
constexpr std::array video_extensions{".mp4"sv, ".avi"sv,  ".mov"sv, ".mkv"sv, ".webm"sv, ".m4v"sv, ".mpg"sv, ".mpeg"sv,
                                      ".mts"sv, ".m2ts"sv, ".ts"sv,  ".3gp"sv, ".wmv"sv,  ".flv"sv, ".ogv"sv};

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
  if (recognise_image(std::as_bytes(std::span(start))) != nullptr) return MediaKind::image;
  return read_video_header(stream, size) ? MediaKind::video : MediaKind::other;
}

}  // namespace posekit::inline v0
