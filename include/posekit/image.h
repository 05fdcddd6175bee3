/// Images in memory: borrowed views and an owning image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "posekit/export.h"
#include "posekit/geometry.h"

namespace posekit::inline v0 {

/// Names the order of a pixel's channels, which are interleaved and of 8 bits each.
enum class PixelFormat : std::uint8_t {
  bgr8,
  rgb8,
  gray8,  ///< One channel, spread to three where a model wants colour.
  bgra8,  ///< Alpha is ignored.
  rgba8   ///< Alpha is ignored.
};

/// Returns the bytes of one pixel: 1, 3 or 4.
[[nodiscard]] constexpr int channels(PixelFormat format) noexcept {
  if (format == PixelFormat::gray8) return 1;
  return format == PixelFormat::bgr8 || format == PixelFormat::rgb8 ? 3 : 4;
}

/// Borrows an image: uint8, interleaved, rows `stride` bytes apart.
///
/// The pixels must outlive every call that gets the view. No call writes to them.
///
/// The pixels are in host memory or on a CUDA device. An image on a device is for PoseEstimator
/// alone, with a model that runs on that device, and is cropped there. What is queued on
/// `cuda_stream` before the call is done before the pixels are read. When the call ends, they have
/// been read.
struct ImageView {
  const std::uint8_t* data = nullptr;  ///< The top-left pixel.
  int width = 0;                       ///< Pixels, > 0.
  int height = 0;                      ///< Pixels, > 0.
  std::size_t stride = 0;              ///< Bytes from row to row, >= width * channels(format).
  PixelFormat format = PixelFormat::bgr8;
  int cuda_device = -1;  ///< N: `data` is memory of the device cuda:N. -1: of the host.
  /// A cudaStream_t: the stream that writes the pixels. Null: the device's default stream.
  void* cuda_stream = nullptr;

  /// Returns whether the pixels are on a CUDA device.
  [[nodiscard]] bool on_device() const noexcept { return cuda_device >= 0; }
  /// Returns the width and the height in pixels.
  [[nodiscard]] Size size() const noexcept { return {width, height}; }
};

/// Checks a view for a call that reads images in host memory.
///
/// @throws Error invalid_argument if the view has no data, no size, too short a stride or an
///     unknown format, or is on a device
POSEKIT_API void validate(const ImageView& image);

/// Owns the pixels of an image, whose rows have no gaps between them.
struct Image {
  std::vector<std::uint8_t> pixels;  ///< height * width * channels(format) bytes.
  int width = 0;
  int height = 0;
  PixelFormat format = PixelFormat::bgr8;

  /// Returns a view of the pixels.
  ///
  /// It is valid as long as the image lives and is not changed.
  [[nodiscard]] ImageView view() const noexcept {
    return {pixels.data(), width, height, static_cast<std::size_t>(width) * static_cast<std::size_t>(channels(format)), format};
  }
};

}  // namespace posekit::inline v0
