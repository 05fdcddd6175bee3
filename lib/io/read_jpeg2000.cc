/// Reads JPEG 2000 files (ITU-T T.800), JP2 and codestreams, by OpenJPEG.
#include <fmt/format.h>
#include <openjpeg.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "io/image_decoder.h"

namespace posekit::inline v0 {
namespace {

template <auto Free>
struct Freed {
  void operator()(auto* object) const noexcept { Free(object); }
};

/// The bytes as OpenJPEG reads them.
struct Jpeg2000File {
  FileBytes bytes;
  std::size_t at = 0;

  static Jpeg2000File& of(void* self) { return *static_cast<Jpeg2000File*>(self); }

  static OPJ_SIZE_T read(void* out, OPJ_SIZE_T count, void* self) {
    Jpeg2000File& file = of(self);
    const std::size_t take = std::min(count, file.bytes.size() - file.at);
    if (take == 0) return static_cast<OPJ_SIZE_T>(-1);
    std::memcpy(out, file.bytes.data() + file.at, take);
    file.at += take;
    return take;
  }
  static OPJ_OFF_T skip(OPJ_OFF_T count, void* self) {
    Jpeg2000File& file = of(self);
    if (count < 0 || static_cast<std::uint64_t>(count) > file.bytes.size() - file.at) return -1;
    file.at += static_cast<std::size_t>(count);
    return count;
  }
  static OPJ_BOOL seek(OPJ_OFF_T to, void* self) {
    Jpeg2000File& file = of(self);
    if (to < 0 || static_cast<std::uint64_t>(to) > file.bytes.size()) return OPJ_FALSE;
    file.at = static_cast<std::size_t>(to);
    return OPJ_TRUE;
  }
};

constexpr std::uint64_t most_components = 4;
constexpr std::uint64_t most_tiles = 4096;  // OpenJPEG takes some 10 KB for each before it says how large the image is

/// The codestream: the file itself, or what its box jp2c holds.
FileBytes codestream_of(FileBytes file) {
  if (begins_with(file, "\xFF\x4F")) return file;
  while (file.size() >= 16) {
    std::uint64_t length = big_endian(file.first(4));
    const std::size_t header = length == 1 ? 16 : 8;
    if (begins_with(file.subspan(4), "jp2c")) return file.subspan(header);
    if (length == 1) length = big_endian(file.subspan(8, 8));
    if (length < header || length > file.size()) break;
    file = file.subspan(static_cast<std::size_t>(length));
  }
  return {};
}

/// Looks at the marker SIZ, with which a codestream begins.
void check_tiles(FileBytes codestream, const std::string& name) {
  if (codestream.size() < 42 || !begins_with(codestream, "\xFF\x4F\xFF\x51")) fail_to_decode(name, "its size is missing");
  const auto number = [&](std::size_t at) { return big_endian(codestream.subspan(at, 4)); };
  const auto count = [&](std::size_t axis) {
    const std::uint64_t end = number(8 + axis);
    const std::uint64_t size = number(24 + axis);
    const std::uint64_t first = number(32 + axis);
    return size == 0 || end <= first ? 0 : (end - first + size - 1) / size;
  };
  const std::uint64_t components = big_endian(codestream.subspan(40, 2));
  const std::uint64_t tiles = count(0) * count(4);
  if (components > most_components || tiles > most_tiles) {
    fail_image(ErrorCode::io, name,
               fmt::format("has {} components in {} tiles, at most {} and {} are allowed: convert it to PNG or JPEG", components, tiles,
                           most_components, most_tiles));
  }
}

class Jpeg2000Decoder final : public ImageDecoder {
 public:
  Jpeg2000Decoder(FileBytes file, const std::string& name);
  std::optional<ValueRange> decode(std::uint8_t* bgr) override;

 private:
  static void report(const char* reason, void* self) {
    std::string& kept = static_cast<Jpeg2000Decoder*>(self)->reason_;
    if (kept.empty()) kept = reason;
  }
  static void warn(const char* reason, void* self) {
    if (static_cast<Jpeg2000Decoder*>(self)->pixels_) report(reason, self);
  }
  void check_components() const;
  /// Also where OpenJPEG reports an error and goes on.
  void expect(bool done) const {
    if (!done || !reason_.empty()) fail_to_decode(name_, reason_.empty() ? "OpenJPEG gives no reason" : reason_);
  }

  Jpeg2000File file_;
  std::string name_;
  std::string reason_;   ///< The first error.
  bool pixels_ = false;  ///< Whether pixels are being read, so that a warning is an error.
  std::unique_ptr<opj_stream_t, Freed<opj_stream_destroy>> stream_;
  std::unique_ptr<opj_codec_t, Freed<opj_destroy_codec>> codec_;
  std::unique_ptr<opj_image_t, Freed<opj_image_destroy>> image_;
};

Jpeg2000Decoder::Jpeg2000Decoder(FileBytes file, const std::string& name) : file_{.bytes = file}, name_(name) {
  check_tiles(codestream_of(file), name);
  stream_.reset(opj_stream_default_create(OPJ_TRUE));
  codec_.reset(opj_create_decompress(begins_with(file, "\xFF\x4F") ? OPJ_CODEC_J2K : OPJ_CODEC_JP2));
  expect(stream_ && codec_);
  opj_stream_set_user_data(stream_.get(), &file_, nullptr);
  opj_stream_set_user_data_length(stream_.get(), file.size());
  opj_stream_set_read_function(stream_.get(), &Jpeg2000File::read);
  opj_stream_set_skip_function(stream_.get(), &Jpeg2000File::skip);
  opj_stream_set_seek_function(stream_.get(), &Jpeg2000File::seek);
  opj_set_error_handler(codec_.get(), &report, this);
  opj_set_warning_handler(codec_.get(), &warn, this);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  expect(opj_setup_decoder(codec_.get(), &parameters) != 0);
  opj_image_t* image = nullptr;
  const bool done = opj_read_header(stream_.get(), codec_.get(), &image) != 0;
  image_.reset(image);
  expect(done);
  header_ = {image_->x1 - image_->x0, image_->y1 - image_->y0, 1};
}

void Jpeg2000Decoder::check_components() const {
  const auto refuse = [&](const std::string& what) {
    fail_image(ErrorCode::io, name_, fmt::format("has {}, gray or RGB of at most 16 bits is expected: convert it to PNG or JPEG", what));
  };
  const std::span components(image_->comps, image_->numcomps);
  if (components.empty() || components.size() > most_components) refuse(fmt::format("{} components", components.size()));
  const OPJ_COLOR_SPACE colors = image_->color_space;
  if (colors == OPJ_CLRSPC_SYCC || colors == OPJ_CLRSPC_EYCC || colors == OPJ_CLRSPC_CMYK) refuse("YCC or CMYK colours");
  for (const opj_image_comp_t& component : components) {
    if (component.w != header_.width || component.h != header_.height) refuse("components of several sizes");
    if (component.sgnd != 0 || component.prec < 1 || component.prec > 16)
      refuse(fmt::format("components of {} bits, signed or not", component.prec));
  }
}

std::optional<ValueRange> Jpeg2000Decoder::decode(std::uint8_t* bgr) {
  check_components();
  pixels_ = true;
  expect(opj_decode(codec_.get(), stream_.get(), image_.get()) != 0 && opj_end_decompress(codec_.get(), stream_.get()) != 0);
  check_components();  // a palette makes others of them
  const bool gray = image_->numcomps < 3;
  ValueRange range;
  for (std::size_t c = 0; c < 3; ++c) {
    const opj_image_comp_t& component = image_->comps[gray ? 0 : 2 - c];
    expect(component.data != nullptr);
    const std::int64_t most = (std::int64_t{1} << component.prec) - 1;
    const std::size_t pixels = std::size_t{component.w} * component.h;
    for (std::size_t i = 0; i < pixels; ++i) {
      const std::int64_t value = std::clamp<std::int64_t>(component.data[i], 0, most);
      range.lowest = std::min(range.lowest, static_cast<std::uint16_t>(value));
      range.highest = std::max(range.highest, static_cast<std::uint16_t>(value));
      bgr[3 * i + c] = static_cast<std::uint8_t>((value * 255 + most / 2) / most);
    }
  }
  return image_->comps[0].prec == 16 ? std::optional(range) : std::nullopt;
}

}  // namespace

std::unique_ptr<ImageDecoder> open_jpeg2000(FileBytes file, const std::string& name) {
  return std::make_unique<Jpeg2000Decoder>(file, name);
}

}  // namespace posekit::inline v0
