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
  const std::size_t values = static_cast<std::size_t>(width) * 3;
  std::vector<float> sums(values * static_cast<std::size_t>(height) + values);  // a row and a pixel more than is used: shares of nothing
  std::vector<float> line(values + 3);
  for (std::size_t y = 0; y < rows.size(); ++y) {
    std::ranges::fill(line, 0.0F);
    const std::uint8_t* pixel = image.data + y * image.stride;
    for (const Share& share : columns) {
      float* to = line.data() + share.first * 3;
      for (int c = 0; c < 3; ++c, ++pixel) {
        to[c] += share.in_first * *pixel;
        to[c + 3] += share.in_next * *pixel;
      }
    }
    float* to = sums.data() + rows[y].first * values;
    for (std::size_t i = 0; i < values; ++i) {
      to[i] += rows[y].in_first * line[i];
      to[i + values] += rows[y].in_next * line[i];
    }
  }
  posekit::Image small{.pixels = {}, .width = width, .height = height, .format = image.format};
  small.pixels.resize(values * static_cast<std::size_t>(height));
  std::ranges::transform(sums.begin(), sums.end() - static_cast<std::ptrdiff_t>(values), small.pixels.begin(),
                         [](float sum) { return static_cast<std::uint8_t>(std::clamp(std::lround(sum), 0L, 255L)); });
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
