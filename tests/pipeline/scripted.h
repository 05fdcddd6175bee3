/// Numbered frames, and models without Torch that read the numbers: a result shows which frame and which box it came from.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "posekit/detector.h"
#include "posekit/error.h"
#include "posekit/estimator.h"
#include "posekit/pipeline.h"
#include "support/fake_backend.h"

namespace posekit_test {

constexpr int frame_size = 16;  // pixels; also what the detector sees, so that its boxes need no rounding
constexpr int crop_size = 8;

/// Called with a frame's number when a model sees it; may throw or wait.
using Hook = std::function<void(std::size_t number)>;

/// A frame of one colour that says its number (below 65536).
inline posekit::Frame numbered_frame(std::size_t number) {
  posekit::Image image{{}, frame_size, frame_size, posekit::PixelFormat::rgb8};
  for (int i = 0; i < frame_size * frame_size; ++i)
    image.pixels.insert(image.pixels.end(), {static_cast<std::uint8_t>(number % 256), static_cast<std::uint8_t>(number / 256), 77});
  return posekit::make_frame(std::move(image), number, static_cast<double>(number) / 30);
}

/// The number of the frame that an input of size x size was cut from: read at its centre.
inline std::size_t number_of(const std::byte* input, int size) {
  const auto centre = static_cast<std::size_t>(size / 2 * size + size / 2) * 3;
  return std::to_integer<std::size_t>(input[centre]) + 256 * std::to_integer<std::size_t>(input[centre + 1]);
}

/// Where the scripted detector sees the one person of a frame.
inline posekit::Box box_in(std::size_t number) {
  const auto shift = static_cast<double>(number % 4);
  return {1 + shift, 2, 9 + shift, 14, 0.5F};
}

inline std::shared_ptr<const posekit::PersonDetector> scripted_detector(Hook hook = {}, posekit::DetectorOptions options = {}) {
  posekit::ModelInfo info;
  info.purpose = posekit::DetectInfo{};
  info.name = "scripted detector";
  info.input.width = info.input.height = frame_size;
  info.detect().resize = posekit::Resize::stretch;
  info.output = posekit::BoxesOutput{};
  auto backend = std::make_shared<FakeBackend>(info, [hook](const CropBatch& inputs) {
    FakeBackend::Tensor boxes{{inputs.count, 1, 4}, {}};
    FakeBackend::Tensor scores{{inputs.count, 1}, {}};
    for (std::size_t b = 0; b < inputs.count; ++b) {
      const std::size_t number = number_of(inputs.data + b * frame_size * frame_size * 3, frame_size);
      if (hook) hook(number);
      const posekit::Box box = box_in(number);
      for (const double value : {box.x1, box.y1, box.x2, box.y2}) boxes.values.push_back(static_cast<float>(value));
      scores.values.push_back(box.score);
    }
    return std::vector{boxes, scores};
  });
  return std::make_shared<const posekit::PersonDetector>(posekit::PersonDetector(posekit::Model(std::move(backend)), std::move(options)));
}

/// A backend that answers with the crop's centre, and with the frame's number as the score.
inline std::shared_ptr<FakeBackend> scripted_pose_backend(Hook hook = {}) {
  posekit::ModelInfo info;
  info.name = "scripted pose model";
  info.input.width = info.input.height = crop_size;
  info.output = posekit::RegressionOutput{};
  info.pose().alignment = posekit::Alignment::classic;
  info.pose().keypoints = {.name = "one", .provenance = {}, .keypoints = {{"nose", 0}}, .links = {}, .sigmas = {}, .subsets = {}};
  return std::make_shared<FakeBackend>(info, [hook](const CropBatch& crops) {
    FakeBackend::Tensor out{{crops.count, 1, 3}, {}};
    for (std::size_t b = 0; b < crops.count; ++b) {
      const std::size_t number = number_of(crops.data + b * crop_size * crop_size * 3, crop_size);
      if (hook) hook(number);
      out.values.insert(out.values.end(), {crop_size / 2.0F, crop_size / 2.0F, static_cast<float>(number)});
    }
    return std::vector{out};
  });
}

inline std::shared_ptr<const posekit::PoseEstimator> scripted_estimator(Hook hook = {}, posekit::EstimatorOptions options = {}) {
  return std::make_shared<const posekit::PoseEstimator>(
      posekit::PoseEstimator(posekit::Model(scripted_pose_backend(std::move(hook))), std::move(options)));
}

/// The code of the Error that a call throws, or ok.
template <class Call>
posekit::ErrorCode code_of(Call call) {
  try {
    call();
  } catch (const posekit::Error& error) {
    return error.code();
  }
  return posekit::ErrorCode::ok;
}

/// A frame with its box.
inline posekit::PipelineInput with_box(std::size_t number) { return {numbered_frame(number), std::vector{box_in(number)}}; }

/// Whether a result is of its own frame and of this box, to a thousandth of a pixel.
inline bool is_pose_of(const posekit::PipelineResult& out, const posekit::Box& box) {
  if (out.result.code != posekit::ErrorCode::ok || out.boxes.size() != 1 || out.result.poses.size() != 1) return false;
  const posekit::Keypoint& nose = out.result.poses[0].keypoints.at(0);
  const auto near = [](double a, double b) { return std::abs(a - b) < 1e-3; };
  return nose.score == static_cast<float>(out.frame.index % 65536) && near(nose.x, (box.x1 + box.x2) / 2) &&
         near(nose.y, (box.y1 + box.y2) / 2) && near(out.boxes[0].x1, box.x1);
}

}  // namespace posekit_test
