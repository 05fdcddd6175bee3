/// Finds the people in a picture and prints their keypoints: posekit_example POSE_MODEL DETECTOR_MODEL IMAGE [DRAWING]
#include <cstdio>
#include <string>

#include "posekit/draw.h"
#include "posekit/image_io.h"
#include "posekit/posekit.h"

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: posekit_example POSE_MODEL DETECTOR_MODEL IMAGE [DRAWING]\n");
    return 2;
  }
  try {
    const posekit::Predictor predictor{posekit::PoseEstimator(argv[1]), posekit::PersonDetector(argv[2])};
    const posekit::KeypointSet& keypoints = predictor.estimator().keypoints();
    posekit::Image image = posekit::read_image(argv[3]);

    const auto poses = predictor.predict(image.view()).result.poses;
    for (const auto& pose : poses) {
      std::printf("person in (%.0f, %.0f, %.0f, %.0f)\n", pose.box.x1, pose.box.y1, pose.box.x2, pose.box.y2);
      for (std::size_t i = 0; i < pose.keypoints.size(); ++i) {
        const auto& [x, y, score] = pose.keypoints[i];
        std::printf("  %-20s %7.1f %7.1f  score %.2f\n", keypoints.keypoints[i].name.c_str(), x, y, score);
      }
    }
    std::printf("%zu people\n", poses.size());

    if (argc > 4) {
      posekit::draw_poses(image, poses, keypoints);
      posekit::write_image(argv[4], image.view());
    }
  } catch (const posekit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", std::string(posekit::to_string(error.code())).c_str(), error.what());
    return 1;
  }
}
