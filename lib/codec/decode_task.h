/// What a codec decodes: one channel of one person.
#pragma once

#include <cstddef>
#include <span>

#include "codec/cell_point.h"
#include "codec/decode_scratch.h"
#include "codec/model_output.h"
#include "posekit/model_info.h"

namespace posekit::inline v0 {

/// One channel of one person in a batch's output. All of it is borrowed.
struct DecodeTask {
  const ModelInfo& info;
  const ModelOutput& output;
  std::span<const double> kernel;  ///< The request's.
  std::size_t person = 0;
  std::size_t channel = 0;
};

}  // namespace posekit::inline v0
