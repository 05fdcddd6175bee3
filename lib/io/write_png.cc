/// Writes PNG files (W3C, third edition) by libpng.
#include <png.h>
#include <zlib.h>

#include <csetjmp>
#include <cstring>
#include <new>
#include <utility>

#include "io/encoding.h"

namespace posekit::inline v0 {
namespace {

/// libpng reports by callbacks that must not return, so each call of it is under a setjmp whose function has nothing to destroy.
class PngEncoder {
 public:
  PngEncoder() = default;
  PngEncoder(const PngEncoder&) = delete;
  PngEncoder& operator=(const PngEncoder&) = delete;
  ~PngEncoder() { png_destroy_write_struct(&png_, &info_); }

  EncodedImage encode(const Image& image) {
    if (!write(image)) return {.bytes = {}, .why_not = reason_};
    return {.bytes = std::move(bytes_), .why_not = {}};
  }

 private:
  static void on_error(png_structp png, png_const_charp reason) {
    PngEncoder& encoder = *static_cast<PngEncoder*>(png_get_error_ptr(png));
    std::strncpy(encoder.reason_, reason, sizeof encoder.reason_ - 1);
    std::longjmp(encoder.out_, 1);  // NOLINT(cert-err52-cpp): libpng is C
  }

  static void keep(png_structp png, png_bytep data, std::size_t count) {
    bool kept = true;
    try {
      auto& bytes = static_cast<PngEncoder*>(png_get_io_ptr(png))->bytes_;
      const auto* const begin = reinterpret_cast<const std::byte*>(data);
      bytes.insert(bytes.end(), begin, begin + count);
    } catch (const std::bad_alloc&) {
      kept = false;
    }
    if (!kept) png_error(png, "memory ran out");
  }

  bool write(const Image& image) {
    if (setjmp(out_) != 0) return false;  // NOLINT(cert-err52-cpp)
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, &on_error, [](png_structp, png_const_charp) {});
    info_ = png_ != nullptr ? png_create_info_struct(png_) : nullptr;
    if (info_ == nullptr) return false;
    const int values = channels(image.format);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_write_fn(png_, this, &keep, nullptr);
    // Fast rather than small: a drawing is written for every image.
    png_set_compression_level(png_, Z_BEST_SPEED);
    png_set_compression_strategy(png_, Z_RLE);
    png_set_filter(png_, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8,
                 values == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png_, info_);
    png_set_bgr(png_);
    const std::size_t stride = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(values);
    for (int y = 0; y < image.height; ++y) png_write_row(png_, image.pixels.data() + static_cast<std::size_t>(y) * stride);
    png_write_end(png_, nullptr);
    return true;
  }

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf out_{};
  char reason_[200] = "memory ran out";
  std::vector<std::byte> bytes_;
};

}  // namespace

EncodedImage encode_png(const Image& image) { return PngEncoder().encode(image); }

}  // namespace posekit::inline v0
