/// People whose answers differ, and devices that answer by a crop's grey, so that a mix-up shows.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "posekit/error.h"
#include "posekit/estimator.h"
#include "support/fake_device.h"

namespace posekit_test {

constexpr int crowd_side = 16;  ///< Of a crop.

inline posekit::ModelInfo one_keypoint() {
  posekit::ModelInfo info;
  info.name = "fake";
  info.input.width = crowd_side;
  info.input.height = crowd_side;
  info.output = posekit::HeatmapOutput{.size = {8, 8}, .udp = false, .refinement = posekit::Refinement::none};
  info.pose().alignment = posekit::Alignment::classic;
  info.pose().keypoints = {.name = "one", .provenance = {}, .keypoints = {{"nose", 0}}, .links = {}, .sigmas = {}, .subsets = {}};
  return info;
}

inline int grey_of(const CropBatch& crops, std::size_t person) { return middle_grey(crops, person, crowd_side); }

/// The score is the crop's grey, so that every person's answer differs from the others'.
inline FakeDevice::Peaks peaks_of(const CropBatch& crops) {
  FakeDevice::Peaks peaks;
  for (std::size_t i = 0; i < crops.count; ++i)
    peaks.push_back({.score = static_cast<float>(grey_of(crops, i)), .x = 3, .y = 4, .usable = true});
  return peaks;
}

inline std::shared_ptr<FakeDevice> device(FakeDevice::Compute compute, FakeDevice::OnSubmit on_submit = {}) {
  return std::make_shared<FakeDevice>(one_keypoint(), std::move(compute), std::move(on_submit));
}
inline std::shared_ptr<FakeDevice> good_device(FakeDevice::OnSubmit on_submit = {}) {
  return device([](std::size_t, const CropBatch& crops) { return peaks_of(crops); }, std::move(on_submit));
}

/// One image whose people stand side by side, each of another grey.
struct Crowd {
  posekit::Image image;
  std::vector<posekit::Box> boxes;

  explicit Crowd(std::size_t count, int first_grey = 1) : image{{}, static_cast<int>(count) * 40, 40, posekit::PixelFormat::gray8} {
    image.pixels.resize(count * 40 * 40);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
      image.pixels[i] = static_cast<std::uint8_t>(static_cast<std::size_t>(first_grey) + i % (count * 40) / 40);
    for (std::size_t i = 0; i < count; ++i) {
      const auto x = static_cast<double>(i) * 40;
      boxes.push_back({x + 8, 8, x + 32, 32});
    }
  }
  posekit::ImageBoxes input() const { return {image.view(), boxes}; }
};

inline posekit::ImageResult run(const posekit::PoseEstimator& estimator, const Crowd& crowd, const posekit::RunControl& control = {}) {
  const posekit::ImageBoxes input = crowd.input();
  return estimator.estimate_batch({&input, 1}, control).front();
}

/// Whether the poses are in the order of their boxes, each with its own answer, and how many there are.
inline bool all_right(const posekit::ImageResult& result, std::size_t count, int first_grey = 1) {
  if (result.poses.size() != count) return false;
  std::size_t last = 0;
  for (const posekit::Pose& pose : result.poses) {
    if (pose.keypoints.at(0).score != static_cast<float>(static_cast<std::size_t>(first_grey) + pose.box_index)) return false;
    if (pose.box_index < last) return false;
    last = pose.box_index;
  }
  return true;
}

inline posekit::Error lost_device() {
  return {posekit::ErrorCode::device_unavailable, "device cuda:0 is lost (an illegal memory access was encountered)"};
}

}  // namespace posekit_test
