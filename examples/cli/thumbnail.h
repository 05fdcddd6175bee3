/// Small pictures with the poses drawn on them.
#pragma once

#include <filesystem>
#include <vector>

#include "posekit/draw.h"
#include "posekit/image.h"
#include "posekit/keypoints.h"
#include "posekit/pose.h"

namespace cli {

/// A picture whose longer side has at most `side` pixels: each is the mean of the image area that it covers. No picture is enlarged.
/// @param image bgr8 or rgb8
posekit::Image shrunk(const posekit::ImageView& image, int side);

/// Writes a JPEG file of at most 20,000 bytes. It is not synced.
/// @param file its name ends with .jpg @param poses of the image, in its pixels @throws posekit::Error io
void write_thumbnail(const std::filesystem::path& file, const posekit::ImageView& image, std::vector<posekit::Pose> poses,
                     const posekit::KeypointSet& keypoints, const posekit::DrawOptions& options);

}  // namespace cli
