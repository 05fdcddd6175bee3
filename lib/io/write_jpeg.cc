/// Writes JPEG files (ITU-T T.81) by libjpeg-turbo.
// jpeglib.h needs what is before it.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <array>
#include <csetjmp>
#include <new>
#include <utility>

#include "io/encoding.h"

namespace posekit::inline v0 {
namespace {

constexpr int quality = 92;

struct Compressor : jpeg_compress_struct {
  Compressor() : jpeg_compress_struct{} {}
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() { jpeg_destroy_compress(this); }
};

/// libjpeg reports by callbacks that must not return, so each call of it is under a setjmp whose function has nothing to destroy.
class JpegEncoder {
 public:
  EncodedImage encode(const Image& image) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = [](j_common_ptr info) {
      JpegEncoder& encoder = of(info);
      (*info->err->format_message)(info, encoder.reason_);
      std::longjmp(encoder.out_, 1);  // NOLINT(cert-err52-cpp): libjpeg is C
    };
    errors_.output_message = [](j_common_ptr) {};
    target_.init_destination = [](j_compress_ptr info) { of(info).empty_piece(); };
    target_.empty_output_buffer = [](j_compress_ptr info) -> boolean {
      of(info).keep_piece(info, std::tuple_size_v<Piece>);
      return TRUE;
    };
    target_.term_destination = [](j_compress_ptr info) {
      of(info).keep_piece(info, std::tuple_size_v<Piece> - info->dest->free_in_buffer);
    };
    if (!write(image)) return {.bytes = {}, .why_not = reason_};
    return {.bytes = std::move(bytes_), .why_not = {}};
  }

 private:
  using Piece = std::array<JOCTET, 65536>;

  template <class Info>
  static JpegEncoder& of(Info info) {
    return *static_cast<JpegEncoder*>(info->client_data);
  }

  bool write(const Image& image) {
    if (setjmp(out_) != 0) return false;  // NOLINT(cert-err52-cpp)
    const int values = channels(image.format);
    jpeg_create_compress(&info_);
    info_.dest = &target_;
    info_.image_width = static_cast<JDIMENSION>(image.width);
    info_.image_height = static_cast<JDIMENSION>(image.height);
    info_.input_components = values;
    info_.in_color_space = values == 1 ? JCS_GRAYSCALE : JCS_EXT_BGR;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, quality, TRUE);
    jpeg_start_compress(&info_, TRUE);
    const std::size_t stride = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(values);
    while (info_.next_scanline < info_.image_height) {
      auto* row = const_cast<JSAMPROW>(image.pixels.data() + info_.next_scanline * stride);
      jpeg_write_scanlines(&info_, &row, 1);
    }
    jpeg_finish_compress(&info_);
    return true;
  }

  void empty_piece() {
    target_.next_output_byte = piece_.data();
    target_.free_in_buffer = piece_.size();
  }

  void keep_piece(j_compress_ptr info, std::size_t count) {
    bool kept = true;
    try {
      const auto* const begin = reinterpret_cast<const std::byte*>(piece_.data());
      bytes_.insert(bytes_.end(), begin, begin + count);
    } catch (const std::bad_alloc&) {
      kept = false;
    }
    if (!kept) {
      std::snprintf(reason_, sizeof reason_, "memory ran out");
      std::longjmp(of(info).out_, 1);  // NOLINT(cert-err52-cpp)
    }
    empty_piece();
  }

  jpeg_error_mgr errors_{};
  jpeg_destination_mgr target_{};
  Compressor info_;
  std::jmp_buf out_{};
  char reason_[JMSG_LENGTH_MAX]{};
  Piece piece_{};
  std::vector<std::byte> bytes_;
};

}  // namespace

EncodedImage encode_jpeg(const Image& image) { return JpegEncoder().encode(image); }

}  // namespace posekit::inline v0
