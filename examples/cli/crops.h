/// The parts of an image in its people's boxes, as files: a folder for each input.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "posekit/image.h"
#include "posekit/image_io.h"
#include "posekit/pose.h"

namespace cli {

/// How many people have a part of the image in their box.
std::size_t count_crops(const posekit::ImageView& image, std::span<const posekit::Pose> poses);

/// Writes the pixels of each box that are in the image, `PREFIX` and the box's index as name. @return how many
/// @throws posekit::Error io
std::size_t save_crops(const std::filesystem::path& folder, const std::string& prefix, const posekit::ImageView& image,
                       std::span<const posekit::Pose> poses, const posekit::WriteOptions& options);

/// How many crops are in the folder.
std::size_t crops_in(const std::filesystem::path& folder);

/// Removes the crops in the folder, and the folder if it holds nothing else.
void remove_crops(const std::filesystem::path& folder);

}  // namespace cli
