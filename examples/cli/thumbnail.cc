/// Small pictures with the poses drawn on them.
#include "thumbnail.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "posekit/image_io.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr int longest_side = 192;
constexpr std::uintmax_t most_bytes = 20000;

/// Where a source pixel's value goes along one axis: it covers at most two pixels of the smaller picture.
struct Share {
  std::size_t first = 0;
  float in_first = 0;
  float in_next = 0;
};

std::vector<Share> shares(int source, int target) {
  std::vector<Share> result;
  const double scale = static_cast<double>(target) / source;
  for (int i = 0; i < source; ++i) {
    const double begin = i * scale;
    const double end = (i + 1) * scale;
    const int first = std::min(static_cast<int>(begin), target - 1);
    const double in_next = first + 1 < target ? std::max(0.0, end - (first + 1)) : 0.0;
    result.push_back({static_cast<std::size_t>(first), static_cast<float>(scale - in_next), static_cast<float>(in_next)});
  }
  return result;
}

void add(std::vector<float>& sums, const std::uint8_t* row, float weight) {
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * row[i];
}

/// Appends a row of the smaller picture.
void append_row(std::vector<std::uint8_t>& pixels, const std::vector<float>& sums, const std::vector<Share>& columns, int width) {
  std::vector<float> row((static_cast<std::size_t>(width) + 1) * 3);  // a pixel more than is used, which gets shares of nothing
  for (std::size_t x = 0; x < columns.size(); ++x) {
    for (std::size_t c = 0; c < 3; ++c) {
      row[columns[x].first * 3 + c] += columns[x].in_first * sums[x * 3 + c];
      row[columns[x].first * 3 + c + 3] += columns[x].in_next * sums[x * 3 + c];
    }
  }
  for (std::size_t i = 0; i + 3 < row.size(); ++i) pixels.push_back(static_cast<std::uint8_t>(std::clamp(std::lround(row[i]), 0L, 255L)));
}

/// Of a person in the picture's pixels, where (0, 0) is the centre of the first.
void scale_pose(posekit::Pose& pose, double x, double y) {
  for (posekit::Keypoint& keypoint : pose.keypoints) {
    keypoint.x = static_cast<float>((keypoint.x + 0.5) * x - 0.5);
    keypoint.y = static_cast<float>((keypoint.y + 0.5) * y - 0.5);
  }
  pose.box.x1 *= x;
  pose.box.x2 *= x;
  pose.box.y1 *= y;
  pose.box.y2 *= y;
}

}  // namespace

posekit::Image shrunk(const posekit::ImageView& image, int side) {
  const double scale = std::min(1.0, static_cast<double>(side) / std::max(image.width, image.height));
  const int width = std::max(1, static_cast<int>(std::lround(image.width * scale)));
  const int height = std::max(1, static_cast<int>(std::lround(image.height * scale)));
  const std::vector<Share> columns = shares(image.width, width);
  const std::vector<Share> rows = shares(image.height, height);
  posekit::Image small{.pixels = {}, .width = width, .height = height, .format = image.format};
  // Down first, in loops over whole rows: that is where the time goes.
  std::vector<float> sums(columns.size() * 3);
  std::vector<float> next(sums.size());
  for (std::size_t y = 0; y < rows.size(); ++y) {
    const std::uint8_t* row = image.data + y * image.stride;
    add(sums, row, rows[y].in_first);
    if (rows[y].in_next > 0) add(next, row, rows[y].in_next);
    if (y + 1 < rows.size() && rows[y + 1].first == rows[y].first) continue;
    append_row(small.pixels, sums, columns, width);
    std::swap(sums, next);
    std::ranges::fill(next, 0.0F);
  }
  return small;
}

void write_thumbnail(const fs::path& file, const posekit::ImageView& image, std::vector<posekit::Pose> poses,
                     const posekit::KeypointSet& keypoints, const posekit::DrawOptions& options) {
  posekit::Size size = image.size();
  for (int side = longest_side;; side = side * 3 / 4) {
    posekit::Image small = shrunk(image, side);
    for (posekit::Pose& pose : poses)
      scale_pose(pose, static_cast<double>(small.width) / size.width, static_cast<double>(small.height) / size.height);
    size = small.view().size();
    posekit::draw_poses(small, poses, keypoints, options);
    posekit::write_image(file, small.view(), {.sync = false});
    if (fs::file_size(file) <= most_bytes) return;
  }
}

}  // namespace cli
