/// Reads PNG files (W3C, third edition) by libpng.
#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "io/exif.h"
#include "io/image_decoder.h"

namespace posekit::inline v0 {
namespace {

constexpr std::size_t signature_bytes = 8;

/// Reads the size from its place and looks for eXIf, which may be behind the pixels too.
ImageHeader png_header(FileBytes file, const std::string& name) {
  if (file.size() < 24 || !begins_with(file.subspan(12), "IHDR")) fail_to_decode(name, "its header is missing");
  ImageHeader header{big_endian(file.subspan(16, 4)), big_endian(file.subspan(20, 4)), 1};
  for (std::size_t at = signature_bytes; file.size() - at >= 12;) {
    const std::uint64_t length = big_endian(file.subspan(at, 4));
    if (length > file.size() - at - 12) break;
    if (begins_with(file.subspan(at + 4), "eXIf")) header.orientation = exif_orientation(file.subspan(at + 8, length));
    at += 12 + static_cast<std::size_t>(length);
  }
  return header;
}

/// libpng reports by callbacks that must not return, so each call of it is under a setjmp whose function has nothing to destroy.
class PngDecoder final : public ImageDecoder {
 public:
  PngDecoder(FileBytes file, const std::string& name) : file_(file), name_(name) { header_ = png_header(file, name); }
  ~PngDecoder() override { png_destroy_read_struct(&png_, &info_, nullptr); }

  std::optional<ValueRange> decode(std::uint8_t* bgr) override {
    if (!start()) fail_to_decode(name_, reason_);
    const auto height = static_cast<std::size_t>(header_.height);
    const std::size_t values = static_cast<std::size_t>(header_.width) * 3;
    const bool deep = png_get_bit_depth(png_, info_) == 16;
    if (deep) deep_.resize(values * height);
    rows_.resize(height);
    for (std::size_t y = 0; y < height; ++y) {
      rows_[y] = deep ? reinterpret_cast<png_bytep>(deep_.data() + y * values) : bgr + y * values;
    }
    if (!finish()) fail_to_decode(name_, reason_);
    if (!deep) return std::nullopt;
    return scale_to_8_bits(deep_.data(), deep_.size(), bgr);
  }

 private:
  [[noreturn]] static void leave(PngDecoder& decoder, const char* reason) {
    std::strncpy(decoder.reason_, reason, sizeof decoder.reason_ - 1);
    std::longjmp(decoder.out_, 1);  // NOLINT(cert-err52-cpp): libpng is C
  }
  static void on_error(png_structp png, png_const_charp reason) { leave(*static_cast<PngDecoder*>(png_get_error_ptr(png)), reason); }
  static void on_warning(png_structp png, png_const_charp reason) {
    auto& decoder = *static_cast<PngDecoder*>(png_get_error_ptr(png));
    if (decoder.pixels_) leave(decoder, reason);
  }
  static void read(png_structp png, png_bytep out, std::size_t count) {
    auto& decoder = *static_cast<PngDecoder*>(png_get_io_ptr(png));
    if (count > decoder.file_.size() - decoder.at_) png_error(png, "the file ends early");
    std::memcpy(out, decoder.file_.data() + decoder.at_, count);
    decoder.at_ += count;
  }

  /// Reads up to the pixels, and says how they are to be given.
  bool start() {
    if (setjmp(out_) != 0) return false;  // NOLINT(cert-err52-cpp)
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &on_error, &on_warning);
    info_ = png_ != nullptr ? png_create_info_struct(png_) : nullptr;
    if (info_ == nullptr) return false;
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);             // posekit has a limit of its own
    png_set_chunk_malloc_max(png_, 0);                                       // for chunks that are dropped
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);  // text, profiles and the like
    png_set_read_fn(png_, this, &read);
    png_read_info(png_, info_);
    const int color = png_get_color_type(png_, info_);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if ((color & PNG_COLOR_MASK_COLOR) == 0) {
      if (png_get_bit_depth(png_, info_) < 8) png_set_expand_gray_1_2_4_to_8(png_);
      png_set_gray_to_rgb(png_);
    }
    png_set_strip_alpha(png_);
    png_set_bgr(png_);
    if constexpr (std::endian::native == std::endian::little) png_set_swap(png_);
    (void)png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    const std::size_t bytes = png_get_bit_depth(png_, info_) == 16 ? 2 : 1;
    if (png_get_image_width(png_, info_) == header_.width && png_get_image_height(png_, info_) == header_.height &&
        png_get_rowbytes(png_, info_) == header_.width * 3 * bytes) {
      return true;
    }
    on_error(png_, "its header is given twice");
    return false;
  }

  bool finish() {
    if (setjmp(out_) != 0) return false;  // NOLINT(cert-err52-cpp)
    pixels_ = true;
    png_read_image(png_, rows_.data());
    pixels_ = false;
    png_read_end(png_, nullptr);
    return true;
  }

  FileBytes file_;
  std::string name_;
  std::size_t at_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf out_{};
  char reason_[200] = "memory ran out";
  bool pixels_ = false;  ///< Whether pixels are being read, so that a warning is an error.
  std::vector<png_bytep> rows_;
  std::vector<std::uint16_t> deep_;
};

}  // namespace

std::unique_ptr<ImageDecoder> open_png(FileBytes file, const std::string& name) { return std::make_unique<PngDecoder>(file, name); }

}  // namespace posekit::inline v0
