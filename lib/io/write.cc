/// Writes files whole or not at all.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/temporary_file.h"
#include "io/encoding.h"
#include "posekit/error.h"
#include "posekit/image_io.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> encode(const fs::path& path, const ImageView& image) {
  const std::string extension = lower_extension(path);
  const bool jpeg = extension == ".jpg" || extension == ".jpeg";
  if (!jpeg && extension != ".png") {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("\"{}\": images with the extension \"{}\" can't be written: use .png or .jpg", path.string(), extension));
  }
  const Image whole = packed(image, true);
  EncodedImage encoded = jpeg ? encode_jpeg(whole) : encode_png(whole);
  if (encoded.why_not.empty()) return std::move(encoded.bytes);
  throw Error(ErrorCode::io, fmt::format("\"{}\": an image of {}x{} pixels can't be encoded as \"{}\" ({}): scale it down, or use .png",
                                         path.string(), image.width, image.height, extension, encoded.why_not));
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
  write_file(path, encode(path, image), options);
}

}  // namespace posekit::inline v0
