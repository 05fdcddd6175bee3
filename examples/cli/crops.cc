/// The parts of an image in its people's boxes, as files.
#include "crops.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "outputs.h"
#include "posekit/error.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

/// The image's pixels from the box's first to its last; none if the box is outside of it.
std::optional<posekit::ImageView> part_of(const posekit::ImageView& image, const posekit::Box& box) {
  const auto pixel = [](double position, int length) { return static_cast<int>(std::rint(std::clamp<double>(position, -1, length))); };
  const int left = std::max(pixel(box.x1, image.width), 0);
  const int top = std::max(pixel(box.y1, image.height), 0);
  const int right = std::min(pixel(box.x2, image.width), image.width - 1);
  const int bottom = std::min(pixel(box.y2, image.height), image.height - 1);
  if (left > right || top > bottom) return std::nullopt;
  posekit::ImageView part = image;
  part.data += static_cast<std::size_t>(top) * image.stride +
               static_cast<std::size_t>(left) * static_cast<std::size_t>(posekit::channels(image.format));
  part.width = right - left + 1;
  part.height = bottom - top + 1;
  return part;
}

/// Whether a name is one that save_crops gives: "3.jpg", or with a frame's number "000012_3.jpg".
bool is_crop(const fs::path& file) {
  std::string name = file.stem().string();
  if (const std::size_t end = name.find('_'); end != std::string::npos && end >= 6) name.erase(end, 1);
  return file.extension() == ".jpg" && !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(folder, error))) return files;  // what a link leads to is not ours
  for (fs::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    if (is_crop(file->path())) files.push_back(file->path());
  }
  return files;
}

/// A link leads to files that are not posekit's.
void make_own_folder(const fs::path& folder) {
  std::error_code ignored;
  if (fs::is_symlink(folder, ignored)) {
    throw posekit::Error(
        posekit::ErrorCode::io,
        fmt::format("\"{}\" is a link, a folder for crops is expected: remove it, or choose another folder with -o", folder.string()));
  }
  make_folder(folder);
}

}  // namespace

std::size_t count_crops(const posekit::ImageView& image, std::span<const posekit::Pose> poses) {
  return static_cast<std::size_t>(
      std::ranges::count_if(poses, [&](const posekit::Pose& pose) { return part_of(image, pose.box).has_value(); }));
}

std::size_t save_crops(const fs::path& folder, const std::string& prefix, const posekit::ImageView& image,
                       std::span<const posekit::Pose> poses, const posekit::WriteOptions& options) {
  std::size_t count = 0;
  for (const posekit::Pose& pose : poses) {
    const auto part = part_of(image, pose.box);
    if (!part) continue;
    if (count++ == 0) make_own_folder(folder);
    posekit::write_image(folder / fmt::format("{}{}.jpg", prefix, pose.box_index), *part, options);
  }
  return count;
}

std::size_t crops_in(const fs::path& folder) { return files_in(folder).size(); }

void remove_crops(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::path& file : files_in(folder)) fs::remove(file, ignored);
  if (fs::is_directory(fs::symlink_status(folder, ignored))) fs::remove(folder, ignored);
}

}  // namespace cli
