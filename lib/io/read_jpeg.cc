/// Reads JPEG files (ITU-T T.81) by libjpeg-turbo.
// jpeglib.h needs what is before it.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <csetjmp>
#include <vector>

#include "base/bytes.h"
#include "io/exif.h"
#include "io/image_decoder.h"

#ifndef JCS_EXTENSIONS
#error "posekit_io needs libjpeg-turbo: another libjpeg can't give bgr8"
#endif

namespace posekit::inline v0 {
namespace {

constexpr int exif_marker = JPEG_APP0 + 1;
constexpr unsigned longest_segment = 0xffff;
constexpr int most_scans = 500;  // a progressive file has a dozen; thousands of empty ones would take minutes

/// Freed also where a constructor fails after it was made.
struct Decompressor : jpeg_decompress_struct {
  Decompressor() : jpeg_decompress_struct{} {}
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  ~Decompressor() { jpeg_destroy_decompress(this); }
};

/// libjpeg reports by callbacks that must not return, so each call of it is under a setjmp whose function has nothing to destroy.
class JpegDecoder final : public ImageDecoder {
 public:
  JpegDecoder(FileBytes file, const std::string& name) : name_(name) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = [](j_common_ptr info) { leave(info); };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0 && of(info).pixels_) leave(info);  // a warning: of what is beside the pixels it does not matter
    };
    errors_.output_message = [](j_common_ptr) {};
    progress_.progress_monitor = [](j_common_ptr info) {
      if (of(info).info_.input_scan_number > most_scans) leave(info);
    };
    if (!read_header(file)) fail_to_decode(name_, reason_);
    header_ = {info_.image_width, info_.image_height, orientation()};
  }

  std::optional<ValueRange> decode(std::uint8_t* bgr) override {
    const bool cmyk = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_BGR;
    if (cmyk) cmyk_row_.resize(std::size_t{4} * info_.image_width);
    if (!read_pixels(bgr)) fail_to_decode(name_, reason_);
    return std::nullopt;
  }

 private:
  static JpegDecoder& of(j_common_ptr info) { return *static_cast<JpegDecoder*>(info->client_data); }

  [[noreturn]] static void leave(j_common_ptr info) {
    JpegDecoder& decoder = of(info);
    if (decoder.info_.input_scan_number > most_scans) {
      std::snprintf(decoder.reason_, sizeof decoder.reason_, "it has more than %d scans", most_scans);
    } else {
      (*info->err->format_message)(info, decoder.reason_);
    }
    std::longjmp(decoder.out_, 1);  // NOLINT(cert-err52-cpp): libjpeg is C
  }

  bool read_header(FileBytes file) {
    if (setjmp(out_) != 0) return false;  // NOLINT(cert-err52-cpp)
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file.data()), file.size());
    jpeg_save_markers(&info_, exif_marker, longest_segment);
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  bool read_pixels(std::uint8_t* bgr) {
    if (setjmp(out_) != 0) return false;  // NOLINT(cert-err52-cpp)
    pixels_ = true;
    info_.progress = &progress_;
    jpeg_start_decompress(&info_);
    const std::size_t stride = std::size_t{3} * info_.output_width;
    while (info_.output_scanline < info_.output_height) {
      std::uint8_t* row = bgr + info_.output_scanline * stride;
      std::uint8_t* target = cmyk_row_.empty() ? row : cmyk_row_.data();
      jpeg_read_scanlines(&info_, &target, 1);
      if (!cmyk_row_.empty()) to_bgr(cmyk_row_.data(), info_.output_width, row);
    }
    jpeg_finish_decompress(&info_);  // reads on to the end marker
    return true;
  }

  /// Ink as Adobe's programs store it, and others like them: 255 is none.
  static void to_bgr(const std::uint8_t* cmyk, std::size_t pixels, std::uint8_t* bgr) {
    for (std::size_t i = 0; i < pixels; ++i) {
      for (std::size_t c = 0; c < 3; ++c) bgr[3 * i + c] = static_cast<std::uint8_t>((cmyk[4 * i + 2 - c] * cmyk[4 * i + 3] + 127) / 255);
    }
  }

  [[nodiscard]] int orientation() const {
    for (const jpeg_marker_struct* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      const FileBytes data = std::as_bytes(std::span(marker->data, marker->data_length));
      if (marker->marker == exif_marker && begins_with(data, exif_prefix)) return exif_orientation(data);
    }
    return 1;
  }

  std::string name_;
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  Decompressor info_;
  std::jmp_buf out_{};
  char reason_[JMSG_LENGTH_MAX]{};
  bool pixels_ = false;  ///< Whether pixels are being read, so that a warning is an error.
  std::vector<std::uint8_t> cmyk_row_;
};

}  // namespace

std::unique_ptr<ImageDecoder> open_jpeg(FileBytes file, const std::string& name) { return std::make_unique<JpegDecoder>(file, name); }

}  // namespace posekit::inline v0
