/// Estimates one person in a grey image, with the core library alone: consumer POSE_MODEL
#include <cmath>
#include <cstdio>
#include <span>
#include <vector>

#include "posekit/posekit.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const posekit::PoseEstimator estimator(argv[1]);
  const std::vector<std::uint8_t> pixels(std::size_t{64} * 48, 128);
  const posekit::ImageView image{pixels.data(), 64, 48, 64, posekit::PixelFormat::gray8};
  const posekit::Box whole{0, 0, 64, 48};
  const auto result = estimator.estimate(image, std::span(&whole, 1));
  if (result.poses.size() != 1 || result.poses[0].keypoints.size() != estimator.keypoints().size()) return 1;
  for (const auto& keypoint : result.poses[0].keypoints) {
    if (!std::isfinite(keypoint.x) || !std::isfinite(keypoint.y)) return 1;
  }
  std::printf("posekit %s: %zu keypoints\n", std::string(posekit::version()).c_str(), estimator.keypoints().size());
}
