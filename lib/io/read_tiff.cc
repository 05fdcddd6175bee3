/// Reads TIFF files (TIFF 6.0, BigTIFF) by libtiff: the one full-size page of each.
#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <vector>

#include "io/image_decoder.h"

namespace posekit::inline v0 {
namespace {

constexpr tmsize_t most_bytes_at_once = tmsize_t{1} << 31;
constexpr std::uint16_t linear_raw = 34892;     // photometric interpretation of DNG
constexpr std::uint16_t most_samples = 16;      // of a pixel: what has more is no picture
constexpr std::uint64_t tile_pixels = 1 << 22;  // that a tile may have, however small the image

struct CloseTiff {
  void operator()(TIFF* tiff) const noexcept { TIFFClose(tiff); }
};
struct FreeOptions {
  void operator()(TIFFOpenOptions* options) const noexcept { TIFFOpenOptionsFree(options); }
};

/// The bytes as libtiff reads them, and what it reports.
struct TiffFile {
  FileBytes bytes;
  toff_t at = 0;
  bool strict = false;  ///< Whether pixels are being read, so that a warning is an error. Else it is of tags that posekit does not use.
  std::string reason;   ///< The first error.

  static TiffFile& of(void* handle) { return *static_cast<TiffFile*>(handle); }

  static tmsize_t read(thandle_t handle, void* out, tmsize_t count) {
    TiffFile& file = of(handle);
    if (file.at >= file.bytes.size()) return 0;
    const std::size_t take = std::min(static_cast<std::size_t>(count), file.bytes.size() - static_cast<std::size_t>(file.at));
    std::memcpy(out, file.bytes.data() + file.at, take);
    file.at += take;
    return static_cast<tmsize_t>(take);
  }
  static tmsize_t write(thandle_t, void*, tmsize_t) { return -1; }
  static toff_t seek(thandle_t handle, toff_t to, int whence) {
    TiffFile& file = of(handle);
    const toff_t from = whence == SEEK_CUR ? file.at : whence == SEEK_END ? file.bytes.size() : 0;
    return file.at = from + to;
  }
  static int close(thandle_t) { return 0; }
  static toff_t size(thandle_t handle) { return of(handle).bytes.size(); }

  void report(const char* format, std::va_list values) {
    if (!reason.empty()) return;
    std::array<char, 300> text{};
    std::vsnprintf(text.data(), text.size(), format, values);
    reason = text.data();
  }
  static int on_error(TIFF*, void* self, const char*, const char* format, std::va_list values) {
    of(self).report(format, values);
    return 1;  // handled: not for handlers of the whole process
  }
  static int on_warning(TIFF*, void* self, const char*, const char* format, std::va_list values) {
    if (of(self).strict) of(self).report(format, values);
    return 1;
  }
};

class TiffDecoder final : public ImageDecoder {
 public:
  TiffDecoder(FileBytes file, const std::string& name);
  std::optional<ValueRange> decode(std::uint8_t* bgr) override;

 private:
  template <class Value>
  [[nodiscard]] Value field(std::uint32_t tag, Value otherwise) const {
    Value value = otherwise;
    return TIFFGetFieldDefaulted(tiff_.get(), tag, &value) == 1 ? value : otherwise;
  }
  [[nodiscard]] bool is_reduced() const;
  [[nodiscard]] bool is_camera_raw() const;
  void choose_page();
  [[nodiscard]] bool has_plain_samples() const;
  void decode_by_libtiff(std::uint8_t* bgr);
  template <class Value>
  void decode_samples(Value* bgr);
  template <class Value>
  void decode_plane(std::uint16_t plane, Value* bgr);
  [[noreturn]] void fail() const { fail_to_decode(name_, file_.reason.empty() ? "libtiff gives no reason" : file_.reason); }
  /// Also where libtiff reports an error and goes on.
  void expect(bool done) const {
    if (!done || !file_.reason.empty()) fail();
  }

  TiffFile file_;
  std::string name_;
  std::unique_ptr<TIFF, CloseTiff> tiff_;
  std::uint16_t bits_ = 0;
  std::uint16_t samples_ = 0;
  std::uint16_t photometric_ = 0;
  bool planar_ = false;
};

TiffDecoder::TiffDecoder(FileBytes file, const std::string& name) : file_{.bytes = file, .reason = {}}, name_(name) {
  const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(TIFFOpenOptionsAlloc());
  if (!options) fail_to_decode(name_, "memory ran out");
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), most_bytes_at_once);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), &TiffFile::on_error, &file_);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), &TiffFile::on_warning, &file_);
  tiff_.reset(TIFFClientOpenExt(name_.c_str(), "rm", &file_, &TiffFile::read, &TiffFile::write, &TiffFile::seek, &TiffFile::close,
                                &TiffFile::size, nullptr, nullptr, options.get()));
  if (!tiff_) fail();
  choose_page();
  bits_ = field<std::uint16_t>(TIFFTAG_BITSPERSAMPLE, 1);
  samples_ = field<std::uint16_t>(TIFFTAG_SAMPLESPERPIXEL, 1);
  photometric_ = field<std::uint16_t>(TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  planar_ = field<std::uint16_t>(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
  if (is_camera_raw()) refuse_format(name_, camera_raw_format);
  const auto sample_format = field<std::uint16_t>(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  if (bits_ > 16 || (sample_format != SAMPLEFORMAT_UINT && sample_format != SAMPLEFORMAT_VOID)) {
    fail_image(ErrorCode::io, name_,
               fmt::format("has {}-bit {} pixels, whole numbers of at most 16 bits are expected: convert it to PNG or JPEG", bits_,
                           sample_format == SAMPLEFORMAT_IEEEFP ? "floating-point" : "signed or other"));
  }
  header_ = {field<std::uint32_t>(TIFFTAG_IMAGEWIDTH, 0), field<std::uint32_t>(TIFFTAG_IMAGELENGTH, 0),
             field<std::uint16_t>(TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT)};
}

/// Whether the page is a preview of another one, or its mask.
bool TiffDecoder::is_reduced() const {
  return (field<std::uint32_t>(TIFFTAG_SUBFILETYPE, 0) & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0;
}

/// Of the first page: DNG says so, Nikon's NEF and Sony's ARW have a preview there and the picture in a directory below it.
bool TiffDecoder::is_camera_raw() const {
  const auto photometric = field<std::uint16_t>(TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  if (photometric == PHOTOMETRIC_CFA || photometric == linear_raw) return true;
  const void* version = nullptr;
  if (TIFFGetField(tiff_.get(), TIFFTAG_DNGVERSION, &version) == 1) return true;
  std::uint16_t count = 0;
  const std::uint64_t* offsets = nullptr;
  return is_reduced() && TIFFGetField(tiff_.get(), TIFFTAG_SUBIFD, &count, &offsets) == 1;
}

/// Goes to the one full-size page; to the first one if all say that they are previews.
void TiffDecoder::choose_page() {
  if (is_camera_raw()) refuse_format(name_, camera_raw_format);
  std::optional<tdir_t> full;
  for (;;) {
    if (!is_reduced()) {
      if (full) fail_image(ErrorCode::io, name_, "has several pages, one is expected: save each page as a file of its own");
      full = TIFFCurrentDirectory(tiff_.get());
    }
    if (TIFFLastDirectory(tiff_.get()) != 0) break;
    if (TIFFReadDirectory(tiff_.get()) == 0) fail();
  }
  if (TIFFSetDirectory(tiff_.get(), full.value_or(0)) == 0) fail();
}

/// Whether each sample is a value of gray, or of red, green and blue, with anything behind them.
bool TiffDecoder::has_plain_samples() const {
  const bool gray = photometric_ == PHOTOMETRIC_MINISBLACK || photometric_ == PHOTOMETRIC_MINISWHITE;
  return (bits_ == 8 || bits_ == 16) && samples_ <= most_samples &&
         ((gray && samples_ >= 1) || (photometric_ == PHOTOMETRIC_RGB && samples_ >= 3));
}

std::optional<ValueRange> TiffDecoder::decode(std::uint8_t* bgr) {
  const std::uint64_t tile = std::uint64_t{field<std::uint32_t>(TIFFTAG_TILEWIDTH, 0)} * field<std::uint32_t>(TIFFTAG_TILELENGTH, 0);
  if (TIFFIsTiled(tiff_.get()) != 0 && tile > std::max(tile_pixels, header_.width * header_.height)) {
    fail_to_decode(name_, fmt::format("its tiles have {} pixels, more than the image", tile));
  }
  file_.reason.clear();  // of tags with values that are not allowed, which libtiff leaves out
  file_.strict = true;
  if (!has_plain_samples()) {
    decode_by_libtiff(bgr);
  } else if (bits_ == 8) {
    decode_samples(bgr);
  } else {
    std::vector<std::uint16_t> values(static_cast<std::size_t>(header_.width * header_.height * 3));
    decode_samples(values.data());
    return scale_to_8_bits(values.data(), values.size(), bgr);
  }
  return std::nullopt;
}

/// Palettes, YCbCr, CMYK, less than 8 bits: libtiff converts them.
void TiffDecoder::decode_by_libtiff(std::uint8_t* bgr) {
  char reason[1024] = "";
  if (photometric_ >= PHOTOMETRIC_CIELAB) {  // what libtiff makes of them is off by 66 of 255
    fail_image(ErrorCode::io, name_, "has CIE L*a*b* or logarithmic colours, gray or RGB is expected: convert it to PNG or JPEG");
  }
  if (TIFFRGBAImageOK(tiff_.get(), reason) == 0) {
    fail_image(ErrorCode::io, name_, fmt::format("has a kind of pixels that can't be read ({}): convert it to PNG or JPEG", reason));
  }
  std::vector<std::uint32_t> pixels(static_cast<std::size_t>(header_.width * header_.height));
  TIFFRGBAImage image;
  expect(TIFFRGBAImageBegin(&image, tiff_.get(), 1, reason) != 0);
  image.req_orientation = image.orientation;  // as stored
  const bool done =
      TIFFRGBAImageGet(&image, pixels.data(), static_cast<std::uint32_t>(header_.width), static_cast<std::uint32_t>(header_.height)) != 0;
  TIFFRGBAImageEnd(&image);
  expect(done);
  for (const std::uint32_t pixel : pixels) {
    *bgr++ = static_cast<std::uint8_t>(TIFFGetB(pixel));
    *bgr++ = static_cast<std::uint8_t>(TIFFGetG(pixel));
    *bgr++ = static_cast<std::uint8_t>(TIFFGetR(pixel));
  }
}

template <class Value>
void TiffDecoder::decode_samples(Value* bgr) {
  const bool gray = photometric_ != PHOTOMETRIC_RGB;
  const std::uint16_t planes = planar_ && !gray ? 3 : 1;
  for (std::uint16_t plane = 0; plane < planes; ++plane) decode_plane(plane, bgr);
  if (photometric_ == PHOTOMETRIC_MINISWHITE) {
    const std::size_t values = static_cast<std::size_t>(header_.width * header_.height * 3);
    std::for_each(bgr, bgr + values, [](Value& value) { value = static_cast<Value>(~value); });
  }
}

/// Reads what one sample plane holds, strip by strip or tile by tile. @param plane of one colour if the planes are apart
template <class Value>
void TiffDecoder::decode_plane(std::uint16_t plane, Value* bgr) {
  const auto width = static_cast<std::uint32_t>(header_.width);
  const auto height = static_cast<std::uint32_t>(header_.height);
  const bool tiled = TIFFIsTiled(tiff_.get()) != 0;
  const auto block_width = tiled ? field<std::uint32_t>(TIFFTAG_TILEWIDTH, 0) : width;
  const auto block_height = tiled ? field<std::uint32_t>(TIFFTAG_TILELENGTH, 0) : std::min(height, field(TIFFTAG_ROWSPERSTRIP, height));
  const tmsize_t row_bytes = tiled ? TIFFTileRowSize(tiff_.get()) : TIFFScanlineSize(tiff_.get());
  const tmsize_t block_bytes = tiled ? TIFFTileSize(tiff_.get()) : TIFFStripSize(tiff_.get());
  const std::size_t step = planar_ ? 1 : samples_;
  const std::size_t row_values = static_cast<std::size_t>(row_bytes) / sizeof(Value);
  expect(block_width > 0 && block_height > 0 && row_bytes > 0 && block_bytes > 0 && block_bytes <= most_bytes_at_once);
  expect(row_values >= block_width * step && static_cast<std::size_t>(block_bytes) / static_cast<std::size_t>(row_bytes) >= block_height);
  std::vector<Value> block(static_cast<std::size_t>(block_bytes) / sizeof(Value));
  const bool gray = photometric_ != PHOTOMETRIC_RGB;
  for (std::uint32_t top = 0; top < height; top += block_height) {
    const std::uint32_t rows = std::min(block_height, height - top);
    for (std::uint32_t left = 0; left < width; left += block_width) {
      const tmsize_t got =
          tiled ? TIFFReadEncodedTile(tiff_.get(), TIFFComputeTile(tiff_.get(), left, top, 0, plane), block.data(), block_bytes)
                : TIFFReadEncodedStrip(tiff_.get(), TIFFComputeStrip(tiff_.get(), top, plane), block.data(), block_bytes);
      expect(got >= static_cast<tmsize_t>(rows) * row_bytes);
      const std::uint32_t columns = std::min(block_width, width - left);
      for (std::uint32_t y = 0; y < rows; ++y) {
        const Value* from = block.data() + y * row_values;
        Value* to = bgr + (std::size_t{top + y} * width + left) * 3;
        for (std::uint32_t x = 0; x < columns; ++x, from += step, to += 3) {
          if (planar_ && !gray) {
            to[2 - plane] = *from;
          } else {
            for (std::size_t c = 0; c < 3; ++c) to[2 - c] = from[gray ? 0 : c];
          }
        }
      }
    }
  }
}

}  // namespace

std::unique_ptr<ImageDecoder> open_tiff(FileBytes file, const std::string& name) { return std::make_unique<TiffDecoder>(file, name); }

}  // namespace posekit::inline v0
