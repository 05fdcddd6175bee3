/// 5,000 frames of two people who move along known paths, a scripted detector and the analytic model: every keypoint is where it belongs.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "posekit/detector.h"
#include "posekit/posekit.h"
#include "support/fake_backend.h"
#include "support/model_builder.h"
#include "support/paths.h"

using namespace posekit;
using posekit_test::CropBatch;
using posekit_test::FakeBackend;

namespace {

constexpr int width = 128;
constexpr int height = 96;
constexpr std::size_t people = 2;
constexpr std::size_t colors = 6;
constexpr std::array<std::array<std::uint8_t, 3>, colors> rgb{
    {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 0}, {0, 255, 255}, {255, 0, 255}}};
constexpr double cell = 13;    // pixels between a person's discs, three beside each other, two rows
constexpr double radius = 4;   // of a disc, pixels
constexpr double reach = 0.3;  // pixels: what the discs' drawing and the heatmaps' cells leave; from frame to frame people move by 10

const std::string six_keypoints = R"({"name": "six", "keypoints": [{"name": "nose", "swap": 0}, {"name": "left_eye", "swap": 2},
  {"name": "right_eye", "swap": 1}, {"name": "left_ear", "swap": 4}, {"name": "right_ear", "swap": 3}, {"name": "chin", "swap": 5}], "links": [[0, 5]]})";

/// Where a person's middle is: each stays in its half of the picture.
Point middle(std::size_t number, std::size_t person) {
  const auto t = static_cast<double>(number);
  const auto p = static_cast<double>(person);
  return {32 + 64 * p + 8 * std::sin(2.1 * t + p), 48 + 14 * std::sin(2.7 * t + 2 * p)};
}

Point disc(Point middle, std::size_t k) {
  return {middle.x + (static_cast<double>(k % 3) - 1) * cell, middle.y + (static_cast<double>(k / 3) - 0.5) * cell};
}

Box box_around(Point middle) { return {middle.x - 20, middle.y - 14, middle.x + 20, middle.y + 14, 0.9F}; }

/// Adds a disc with edges smooth by 4 x 4 samples a pixel.
void draw(Image& image, Point centre, const std::array<std::uint8_t, 3>& color) {
  for (int y = static_cast<int>(centre.y - radius); y <= static_cast<int>(centre.y + radius) + 1; ++y) {
    for (int x = static_cast<int>(centre.x - radius); x <= static_cast<int>(centre.x + radius) + 1; ++x) {
      int inside = 0;
      for (int sample = 0; sample < 16; ++sample) {
        const double dx = x + (sample % 4 - 1.5) / 4 - centre.x;
        const double dy = y + (sample / 4 - 1.5) / 4 - centre.y;
        inside += dx * dx + dy * dy <= radius * radius ? 1 : 0;
      }
      for (std::size_t c = 0; c < 3 && inside > 0; ++c)
        image.pixels[static_cast<std::size_t>(y * width + x) * 3 + c] = static_cast<std::uint8_t>(color[c] * inside / 16);
    }
  }
}

/// The number is written into the first two pixels, in grey, which is none of the model's colours.
PipelineInput frame(std::size_t number) {
  Image image{std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3)), width, height, PixelFormat::rgb8};
  for (std::size_t person = 0; person < people; ++person) {
    for (std::size_t k = 0; k < colors; ++k) draw(image, disc(middle(number, person), k), rgb[k]);
  }
  for (std::size_t c = 0; c < 3; ++c) {
    image.pixels[c] = static_cast<std::uint8_t>(number % 256);
    image.pixels[3 + c] = static_cast<std::uint8_t>(number / 256);
  }
  return {make_frame(std::move(image), number, static_cast<double>(number) / 30), std::nullopt};
}

/// Reads the frames' numbers and answers where their people are.
std::vector<FakeBackend::Tensor> boxes_by_number(const CropBatch& inputs) {
  FakeBackend::Tensor boxes{{inputs.count, people, 4}, {}};
  FakeBackend::Tensor scores{{inputs.count, people}, {}};
  for (std::size_t b = 0; b < inputs.count; ++b) {
    const std::byte* pixels = inputs.data + b * width * height * 3;
    const std::size_t number = std::to_integer<std::size_t>(pixels[0]) + 256 * std::to_integer<std::size_t>(pixels[3]);
    for (std::size_t p = 0; p < people; ++p) {
      const Box box = box_around(middle(number, p));
      for (const double value : {box.x1, box.y1, box.x2, box.y2}) boxes.values.push_back(static_cast<float>(value));
      scores.values.push_back(0.9F - 0.1F * static_cast<float>(p));
    }
  }
  return {boxes, scores};
}

PersonDetector scripted_detector() {
  ModelInfo info;
  info.purpose = DetectInfo{};
  info.name = "scripted";
  info.input.width = width;
  info.input.height = height;
  info.detect().resize = Resize::stretch;
  info.output = BoxesOutput{};
  return PersonDetector(Model(std::make_shared<FakeBackend>(info, boxes_by_number)));
}

}  // namespace

TEST_CASE("5,000 frames of moving people are delivered in order, each keypoint in its place") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "analytic.pt";
  posekit_test::save_script_model(path, posekit_test::analytic_heatmap_forward(48, 64, 24, 32, "udp"),
                                  posekit_test::pose_metadata("udp_heatmap", 48, 64, 24, 32, six_keypoints));
  EstimatorOptions options;
  options.max_batch = 8;
  options.executor = std::make_shared<ThreadPool>(2);
  constexpr std::size_t frames = 5000;
  std::size_t seen = 0;
  double largest = 0;
  Pipeline pipeline({std::make_shared<const PoseEstimator>(path, options), std::make_shared<const PersonDetector>(scripted_detector())},
                    [&](const PipelineResult& out) {
                      REQUIRE(out.frame.index == seen++);
                      REQUIRE(out.result.code == ErrorCode::ok);
                      REQUIRE(out.result.poses.size() == people);
                      for (std::size_t p = 0; p < people; ++p) {
                        for (std::size_t k = 0; k < colors; ++k) {
                          const Point expected = disc(middle(out.frame.index, p), k);
                          const Keypoint& found = out.result.poses[p].keypoints.at(k);
                          largest = std::max({largest, std::abs(found.x - expected.x), std::abs(found.y - expected.y)});
                        }
                      }
                    },
                    {.batch_frames = 4, .detect_calls = 2, .estimate_calls = 2});
  pipeline.run([next = std::size_t{0}]() mutable { return next < frames ? std::optional(frame(next++)) : std::nullopt; });
  CHECK(seen == frames);
  CHECK(largest < reach);
  std::cout << frames << " frames, " << frames * people * colors << " keypoints: the farthest from its place is off by " << largest
            << " pixels\n";
}
