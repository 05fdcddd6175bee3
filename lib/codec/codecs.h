/// The codecs: one file each, with the same functions, chosen by the kind of output that a model's metadata name.
///
/// A codec gives, for its struct in posekit/model_info.h:
/// - check_codec(kind, info, output, batch): holds the shapes of a model's output against the metadata; throws Error invalid_model;
/// - decode_cell(kind, task, scratch): one keypoint in the codec's units;
/// - to_input(kind, info, cell): from those to input pixels;
/// - average_flipped_channel(kind, info, pair, out): one channel's mean with the mirror image's;
/// - decode_cost(kind, info): about how many values decode_cell looks at.
/// To add a codec, add a struct to OutputInfo (posekit/model_info.h), a file here and an include below. If one of the five is missing, the
/// library does not compile. Its name is in the enumeration Codec; model/model_info.cc reads its metadata (pose_codecs, read_output,
/// codec_of); Python shows the struct (python/src/model.cc).
#pragma once

#include "codec/boxes.h"
#include "codec/heatmap.h"
#include "codec/regression.h"
#include "codec/simcc.h"
