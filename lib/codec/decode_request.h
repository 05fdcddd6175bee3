/// What is wanted of a model's output.
#pragma once

#include <cstddef>
#include <vector>

#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// What a caller wants to know of every batch's output, so that it can be worked out where the output is. Without channels: the output as
/// it is.
struct DecodeRequest {
  std::vector<std::size_t> channels;  ///< The output channels that are wanted, in the order they are wanted in.
  std::vector<double> kernel;         ///< Refinement::dark: the coefficients of the blur.
  bool flip_test = false;             ///< Also run the mirror images, and average.
  [[nodiscard]] bool operator==(const DecodeRequest&) const = default;
};

/// The request for these channels of a pose model. @param flip_test needs a keypoint set that can be mirrored
[[nodiscard]] DecodeRequest make_decode_request(const ModelInfo& info, std::vector<std::size_t> channels, bool flip_test);
/// For all channels.
[[nodiscard]] DecodeRequest make_decode_request(const ModelInfo& info);

}  // namespace posekit::inline v0
