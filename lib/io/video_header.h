/// What a video file's container tells of its own length, read by posekit itself before FFmpeg sees the file.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>

namespace posekit::inline v0 {

struct VideoHeader {
  bool complete = true;  ///< MP4, AVI, Matroska: whether the file is as long as its parts say. Others do not tell.
  bool indexed = true;   ///< MP4: whether the part that says where frames are is there. Without it no frame can be found.
  int rotation = 0;      ///< MP4: degrees clockwise, 0, 90, 180 or 270, by which frames have to be turned to be upright.
};

/// Walks through the outermost parts of a file. @param file a seekable stream @param size its bytes
/// @return none if it is no video container: FFmpeg would take text files for playlists and open what they name
[[nodiscard]] std::optional<VideoHeader> read_video_header(std::istream& file, std::uint64_t size);

}  // namespace posekit::inline v0
