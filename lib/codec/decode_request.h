/// What is wanted of a model's output.
#pragma once

#include <cstddef>
#include <vector>

#include "posekit/model.h"

namespace posekit::inline v0 {

/// What a caller wants to know of every batch's output, so that it can be worked out where the output is.
struct DecodeRequest {
  std::vector<std::size_t> channels;         ///< The output channels that are wanted, in the order they are wanted in.
  Refinement refinement = Refinement::none;  ///< What the peaks of heatmaps are refined with.
  std::vector<double> kernel;                ///< dark: the coefficients of the blur.
  bool flip_test = false;                    ///< Also run the mirror images.
  [[nodiscard]] bool operator==(const DecodeRequest&) const = default;
};

}  // namespace posekit::inline v0
