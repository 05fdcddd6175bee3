/// Writes files whole or not at all.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <utility>
#include <vector>

#include "posekit/error.h"
#include "posekit/image_io.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr int jpeg_quality = 92;

[[noreturn]] void fail_to_write(const fs::path& path, int error) {
  throw Error(ErrorCode::io, fmt::format("\"{}\" can't be written ({}): check the folder, its permissions and the room on the disk",
                                         path.string(), std::strerror(error)));
}

/// A file beside the one to be written that takes its name at the end; removed if it does not come to that.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : target_(target) {
    do {  // in containers process ids come again, and a killed run leaves its file behind
      path_ = name_beside(target);
      descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
    if (descriptor_ < 0) fail_to_write(target_, errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!done_) unlink(path_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_to_write(target_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  /// Closes the file, which is where some file systems tell that the disk is full, and gives it its name.
  void commit() {
    const int closed = close(std::exchange(descriptor_, -1));
    if (closed != 0) fail_to_write(target_, errno);
    if (rename(path_.c_str(), target_.c_str()) != 0) fail_to_write(target_, errno);
    done_ = true;
  }

 private:
  static fs::path name_beside(const fs::path& target) {
    static std::atomic<unsigned> counter = 0;
    return target.parent_path() / fmt::format(".posekit-{}-{}.tmp", getpid(), counter++);
  }

  fs::path target_;
  fs::path path_;
  int descriptor_ = -1;
  bool done_ = false;
};

/// The image as OpenCV encodes it: bgr8 or gray8, without gaps.
cv::Mat to_mat(const ImageView& image) {
  const int pixel = channels(image.format);
  const bool gray = image.format == PixelFormat::gray8;
  const bool reversed = image.format == PixelFormat::rgb8 || image.format == PixelFormat::rgba8;
  cv::Mat mat(image.height, image.width, gray ? CV_8UC1 : CV_8UC3);
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* from = image.data + static_cast<std::size_t>(y) * image.stride;
    std::uint8_t* to = mat.ptr<std::uint8_t>(y);
    for (int x = 0; x < image.width; ++x, from += pixel) {
      for (int c = 0; c < (gray ? 1 : 3); ++c) *to++ = from[reversed ? 2 - c : c];
    }
  }
  return mat;
}

std::vector<std::uint8_t> encode(const fs::path& path, const ImageView& image) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  std::vector<int> parameters;
  if (extension == ".jpg" || extension == ".jpeg") parameters = {cv::IMWRITE_JPEG_QUALITY, jpeg_quality};
  std::vector<std::uint8_t> bytes;
  std::string reason = "the encoder failed";
  try {
    if (extension.size() < 2 || !cv::haveImageWriter("x" + extension)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("\"{}\": images of kind \"{}\" can't be written, take .png or .jpg", path.string(), extension));
    }
    if (cv::imencode(extension, to_mat(image), bytes, parameters)) return bytes;
  } catch (const cv::Exception& error) {
    reason = error.err;
  }
  throw Error(ErrorCode::io, fmt::format("\"{}\": an image of {}x{} pixels can't be encoded as \"{}\" ({}): scale it down, or take .png",
                                         path.string(), image.width, image.height, extension, reason));
}

}  // namespace

void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  TemporaryFile file(path);
  file.write(bytes);
  file.commit();
}

void write_image(const fs::path& path, const ImageView& image) {
  validate(image);
  const std::vector<std::uint8_t> bytes = encode(path, image);
  write_file(path, std::as_bytes(std::span(bytes)));
}

}  // namespace posekit::inline v0
