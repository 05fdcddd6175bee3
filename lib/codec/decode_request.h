/// What is wanted of a model's output.
#pragma once

#include <cstddef>
#include <vector>

#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// What a caller wants of every batch's output. A session can compute it on the device, before anything is copied to the host. Without
/// channels: the output as it is.
struct DecodeRequest {
  std::vector<std::size_t> channels;  ///< The wanted output channels, in the wanted order.
  std::vector<double> kernel;         ///< Refinement::dark: the coefficients of the blur.
  bool flip_test = false;             ///< Also run the mirror images, and average.
  [[nodiscard]] bool operator==(const DecodeRequest&) const = default;
};

/// The request for these channels of a pose model. @param flip_test needs a keypoint set that can be mirrored
[[nodiscard]] DecodeRequest make_decode_request(const ModelInfo& info, std::vector<std::size_t> channels, bool flip_test);
/// For all channels.
[[nodiscard]] DecodeRequest make_decode_request(const ModelInfo& info);

}  // namespace posekit::inline v0
