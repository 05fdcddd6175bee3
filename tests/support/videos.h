/// Videos for tests: written by posekit or by OpenCV, then spoiled.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "posekit/image.h"

namespace posekit_test {

/// A picture of one grey level with a light square in the top left quarter, so that it shows how it is turned.
[[nodiscard]] posekit::Image video_frame(int width, int height, int level);

/// The level of frame i of a video made here.
[[nodiscard]] constexpr int level_of(std::size_t i) { return 20 + static_cast<int>(i % 12) * 12; }

/// Writes a video of `video_frame`s by posekit::VideoWriter.
void write_video(const std::filesystem::path& path, std::size_t frames, int width = 64, int height = 48, double fps = 10);

/// Writes that an MP4 file's frames have to be turned clockwise by so many degrees (a multiple of 90) to be upright.
void set_rotation(const std::filesystem::path& mp4, int degrees);

/// Puts zeros in place of some frames' content in an AVI file.
void spoil_frames(const std::filesystem::path& avi, const std::vector<std::size_t>& frames);

/// Keeps the first part of a file only.
void cut_off(const std::filesystem::path& file, double part);

}  // namespace posekit_test
