/// One picture of a stream.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "posekit/export.h"
#include "posekit/image.h"

namespace posekit::inline v0 {

/// Holds a picture and its place in time.
///
/// Copies share the pixels.
struct Frame {
  ImageView image;
  std::shared_ptr<const void> owner;  ///< Keeps the pixels; null where the caller keeps them.
  std::size_t index = 0;              ///< Position in the stream, from 0.
  /// Seconds from the stream's start, as the container or the camera reports them.
  double time_s = 0;
};

/// Makes a frame that owns its image.
///
/// @param index position in the stream, from 0
/// @param time_s seconds from the stream's start
[[nodiscard]] inline Frame make_frame(Image image, std::size_t index, double time_s) {
  auto owner = std::make_shared<const Image>(std::move(image));
  const ImageView view = owner->view();
  return {view, std::move(owner), index, time_s};
}

}  // namespace posekit::inline v0
