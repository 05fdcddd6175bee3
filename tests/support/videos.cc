/// Videos for tests.
#include "support/videos.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "posekit/video.h"

namespace posekit_test {

namespace fs = std::filesystem;

namespace {

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void replace_content(const fs::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  if (!(file << content).flush()) throw std::runtime_error("can't write " + path.string());
}

/// A matrix of ISO/IEC 14496-12, without its shift, which no reader of angles looks at.
std::array<std::int32_t, 9> matrix_of(int degrees) {
  constexpr std::int32_t one = 1 << 16;
  constexpr std::int32_t w = 1 << 30;
  switch (degrees) {
    case 90: return {0, one, 0, -one, 0, 0, 0, 0, w};
    case 180: return {-one, 0, 0, 0, -one, 0, 0, 0, w};
    case 270: return {0, -one, 0, one, 0, 0, 0, 0, w};
    default: return {one, 0, 0, 0, one, 0, 0, 0, w};
  }
}

}  // namespace

posekit::Image video_frame(int width, int height, int level) {
  posekit::Image image{{}, width, height, posekit::PixelFormat::bgr8};
  image.pixels.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, static_cast<std::uint8_t>(level));
  for (int y = 0; y < height / 2; ++y) {
    const auto row = image.pixels.begin() + static_cast<std::ptrdiff_t>(y) * width * 3;
    std::fill(row, row + static_cast<std::ptrdiff_t>(width / 2) * 3, std::uint8_t{240});
  }
  return image;
}

void write_video(const fs::path& path, std::size_t frames, int width, int height, double fps) {
  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  posekit::VideoWriter writer(path, {width, height}, fps);
  for (std::size_t i = 0; i < frames; ++i) writer.write(video_frame(width, height, level_of(i)).view());
  writer.finish();
}

void set_rotation(const fs::path& mp4, int degrees) {
  constexpr std::size_t matrix_offset = 44;  // in a track header of version 0, from its name
  std::string content = content_of(mp4);
  const std::size_t header = content.find("tkhd");
  if (header == std::string::npos) throw std::runtime_error("no track header in " + mp4.string());
  std::size_t at = header + matrix_offset;
  for (const std::int32_t value : matrix_of(degrees)) {
    for (int shift = 24; shift >= 0; shift -= 8) content.at(at++) = static_cast<char>(static_cast<std::uint32_t>(value) >> shift & 0xff);
  }
  replace_content(mp4, content);
}

void spoil_frames(const fs::path& avi, const std::vector<std::size_t>& frames) {
  std::string content = content_of(avi);
  std::size_t at = content.find("movi");
  for (std::size_t i = 0; (at = content.find("00dc", at)) != std::string::npos; ++i) {
    std::size_t size = 0;
    for (std::size_t k = 4; k > 0; --k) size = size << 8 | static_cast<unsigned char>(content.at(at + 3 + k));
    if (at + 8 + size > content.size()) break;  // the index behind the frames
    if (std::ranges::find(frames, i) != frames.end()) content.replace(at + 8, size, size, '\0');
    at += 8 + size;
  }
  replace_content(avi, content);
}

void cut_off(const fs::path& file, double part) {
  fs::resize_file(file, static_cast<std::uintmax_t>(static_cast<double>(fs::file_size(file)) * part));
}

}  // namespace posekit_test
