/// Writes what programs in other languages are held against: each photo as NAME.ppm and, in NAME.txt, its people's keypoints by the C++
/// library, one line each: person, name, x, y, score. make_reference POSE_MODEL DETECTOR_MODEL PHOTOS OUT
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "posekit/image_io.h"
#include "posekit/posekit.h"

namespace fs = std::filesystem;

namespace {

/// Binary PPM (Netpbm), which needs no library to be read.
void write_ppm(const fs::path& path, const posekit::Image& image) {
  std::string bytes = "P6\n" + std::to_string(image.width) + " " + std::to_string(image.height) + "\n255\n";
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    for (const std::size_t c : {2U, 1U, 0U}) bytes += static_cast<char>(image.pixels[i + c]);
  }
  posekit::write_file(path, std::as_bytes(std::span(bytes)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const posekit::PoseEstimator estimator(argv[1]);
  const posekit::PersonDetector detector(argv[2]);
  fs::create_directories(argv[4]);
  int photos = 0;
  for (const auto& entry : fs::directory_iterator(argv[3])) {
    if (entry.path().extension() != ".jpg") continue;
    const fs::path out = fs::path(argv[4]) / entry.path().stem();
    const posekit::Image image = posekit::read_image(entry.path());
    write_ppm(out.string() + ".ppm", image);
    const auto people = detector.detect(image.view());
    const auto result = estimator.estimate(image.view(), people);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen((out.string() + ".txt").c_str(), "w"), std::fclose);
    if (!file) return 1;
    for (std::size_t i = 0; i < result.poses.size(); ++i) {
      for (std::size_t k = 0; k < estimator.keypoints().size(); ++k) {
        const posekit::Keypoint& point = result.poses[i].keypoints[k];
        std::fprintf(file.get(), "%zu %s %.9g %.9g %.9g\n", i, estimator.keypoints().keypoints[k].name.c_str(), point.x, point.y,
                     point.score);
      }
    }
    ++photos;
  }
  std::printf("%d photos\n", photos);
  return photos > 0 ? 0 : 1;
}
