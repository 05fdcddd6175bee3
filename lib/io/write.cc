/// Writes files whole or not at all.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include "host/temporary_file.h"
#include "io/encoding.h"
#include "posekit/error.h"
#include "posekit/image_io.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr int jpeg_quality = 92;

std::vector<std::uint8_t> encode(const fs::path& path, const ImageView& image) {
  const std::string extension = lower_extension(path);
  std::vector<int> parameters;
  if (extension == ".jpg" || extension == ".jpeg") parameters = {cv::IMWRITE_JPEG_QUALITY, jpeg_quality};
  std::vector<std::uint8_t> bytes;
  std::string reason = "the encoder failed";
  try {
    if (extension.size() < 2 || !cv::haveImageWriter("x" + extension)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("\"{}\": images with the extension \"{}\" can't be written: use .png or .jpg", path.string(), extension));
    }
    if (cv::imencode(extension, to_mat(image, true), bytes, parameters)) return bytes;
  } catch (const cv::Exception& error) {
    reason = error.err;
  }
  throw Error(ErrorCode::io, fmt::format("\"{}\": an image of {}x{} pixels can't be encoded as \"{}\" ({}): scale it down, or use .png",
                                         path.string(), image.width, image.height, extension, reason));
}

}  // namespace

class OutputFile::Impl {
 public:
  Impl(const fs::path& path, const WriteOptions& options) : file(path, options.sync) {}
  TemporaryFile file;
  bool open = true;
  bool whole = true;  ///< No write has failed.
};

OutputFile::OutputFile(const fs::path& path, const WriteOptions& options) : impl_(std::make_unique<Impl>(path, options)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

void OutputFile::write(std::span<const std::byte> bytes) {
  check_open();
  while (!bytes.empty()) {
    const ssize_t written = ::write(impl_->file.descriptor(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      impl_->whole = false;
      fail_to_write(impl_->file.target(), errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void OutputFile::finish() {
  check_open();
  if (!impl_->whole)
    throw Error(ErrorCode::io, fmt::format("\"{}\" could not be written completely and was removed: check the space on the disk",
                                           impl_->file.target().string()));
  impl_->open = false;
  impl_->file.commit();
}

void OutputFile::check_open() const {
  if (!impl_->open)
    throw Error(ErrorCode::invalid_argument, fmt::format("\"{}\" is finished: open another file", impl_->file.target().string()));
}

void write_file(const fs::path& path, std::span<const std::byte> bytes, const WriteOptions& options) {
  OutputFile file(path, options);
  file.write(bytes);
  file.finish();
}

void write_image(const fs::path& path, const ImageView& image, const WriteOptions& options) {
  validate(image);
  const std::vector<std::uint8_t> bytes = encode(path, image);
  write_file(path, std::as_bytes(std::span(bytes)), options);
}

}  // namespace posekit::inline v0
