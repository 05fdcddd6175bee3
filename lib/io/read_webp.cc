/// Reads WebP files (RFC 9649) by libwebp.
#include <webp/decode.h>

#include <algorithm>

#include "base/bytes.h"
#include "io/exif.h"
#include "io/image_decoder.h"

namespace posekit::inline v0 {
namespace {

const char* reason_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OK: break;
    case VP8_STATUS_OUT_OF_MEMORY: return "memory ran out";
    case VP8_STATUS_INVALID_PARAM: return "a value of its header is not allowed";
    case VP8_STATUS_BITSTREAM_ERROR: return "its data are broken";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "it uses a feature that libwebp does not know";
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_USER_ABORT:
    case VP8_STATUS_NOT_ENOUGH_DATA: return "the file ends early";
  }
  return "libwebp refuses it";
}

int webp_orientation(FileBytes file) {
  for (std::size_t at = 12; file.size() >= 8 && at <= file.size() - 8;) {
    const auto length = static_cast<std::size_t>(little_endian(file.subspan(at + 4, 4)));
    const std::size_t rest = file.size() - at - 8;
    if (length > rest) break;
    if (begins_with(file.subspan(at), "EXIF")) return exif_orientation(file.subspan(at + 8, length));
    at += 8 + std::min(length + length % 2, rest);
  }
  return 1;
}

class WebpDecoder final : public ImageDecoder {
 public:
  WebpDecoder(FileBytes file, const std::string& name) : file_(file), name_(name) {
    WebPBitstreamFeatures features;
    const VP8StatusCode status = WebPGetFeatures(data(), file.size(), &features);
    if (status != VP8_STATUS_OK) fail_to_decode(name, reason_of(status));
    if (features.has_animation != 0)
      fail_image(ErrorCode::io, name, "is an animation, one image is expected: save one of its frames as PNG or JPEG");
    header_ = {static_cast<std::uint64_t>(features.width), static_cast<std::uint64_t>(features.height), webp_orientation(file)};
  }

  std::optional<ValueRange> decode(std::uint8_t* bgr) override {
    WebPDecoderConfig config;
    if (WebPInitDecoderConfig(&config) == 0) fail_to_decode(name_, "libwebp has another version than posekit was built for");
    config.output.colorspace = MODE_BGR;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = bgr;
    config.output.u.RGBA.stride = static_cast<int>(header_.width * 3);
    config.output.u.RGBA.size = static_cast<std::size_t>(header_.width * header_.height * 3);
    const VP8StatusCode status = WebPDecode(data(), file_.size(), &config);
    if (status != VP8_STATUS_OK) fail_to_decode(name_, reason_of(status));
    return std::nullopt;
  }

 private:
  [[nodiscard]] const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(file_.data()); }

  FileBytes file_;
  std::string name_;
};

}  // namespace

std::unique_ptr<ImageDecoder> open_webp(FileBytes file, const std::string& name) { return std::make_unique<WebpDecoder>(file, name); }

}  // namespace posekit::inline v0
