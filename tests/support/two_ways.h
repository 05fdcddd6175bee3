/// Pictures, small models, and how far the CPU's way and a device's put keypoints apart.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "loading/load_model.h"
#include "posekit/estimator.h"
#include "support/by_sessions.h"
#include "support/fake_backend.h"
#include "support/model_builder.h"
#include "support/test_device.h"

namespace posekit_test {

inline const std::string two_eyes = R"({"name": "two", "keypoints": [{"name": "left_eye", "swap": 1}, {"name": "right_eye", "swap": 0}]})";

/// Coloured discs on grey, a different picture for each number.
inline posekit::Image picture_of_discs(int number) {
  constexpr int side = 90;
  posekit::Image image{std::vector<std::uint8_t>(std::size_t{side} * side * 3, 40), side, side, posekit::PixelFormat::rgb8};
  for (int disc = 0; disc < 6; ++disc) {
    const int cx = 14 + (disc * 29 + number * 17) % 64;
    const int cy = 14 + (disc * 41 + number * 23) % 64;
    for (int y = cy - 8; y <= cy + 8; ++y) {
      for (int x = cx - 8; x <= cx + 8; ++x) {
        if ((x - cx) * (x - cx) + (y - cy) * (y - cy) > 64) continue;
        auto* pixel = &image.pixels[static_cast<std::size_t>((y * side + x) * 3)];
        for (int c = 0; c < 3; ++c) pixel[c] = static_cast<std::uint8_t>(((disc + 1) >> c & 1) * 190 + 20);
      }
    }
  }
  return image;
}

/// Five pictures of two people each.
struct Album {
  std::vector<posekit::Image> images;
  std::vector<std::vector<posekit::Box>> boxes;
  std::vector<posekit::ImageBoxes> input;
  Album() {
    for (int i = 0; i < 5; ++i) {
      images.push_back(picture_of_discs(i));
      boxes.push_back({{8, 6, 80, 84}, {-10, 3, 60.5, 95}});
    }
    for (std::size_t i = 0; i < images.size(); ++i) input.push_back({images[i].view(), boxes[i]});
  }
};

/// The farthest that two ways put a keypoint apart, in image pixels; scores and numbers of poses must agree.
inline double farthest(const std::vector<posekit::ImageResult>& one, const std::vector<posekit::ImageResult>& other, double score_margin) {
  double distance = 0;
  REQUIRE(one.size() == other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].code == other[i].code);
    REQUIRE(one[i].poses.size() == other[i].poses.size());
    for (std::size_t p = 0; p < one[i].poses.size(); ++p) {
      const auto& a = one[i].poses[p].keypoints;
      const auto& b = other[i].poses[p].keypoints;
      REQUIRE(a.size() == b.size());
      for (std::size_t k = 0; k < a.size(); ++k) {
        CHECK(std::abs(a[k].score - b[k].score) <= score_margin);
        distance = std::max(distance, static_cast<double>(std::hypot(a[k].x - b[k].x, a[k].y - b[k].y)));
      }
    }
  }
  return distance;
}

/// A model whose heatmaps, [2,16,16], are what the expression makes of a crop x, [B,3,16,16]: x[:, 0:2] are its red and green.
inline void save_echo(const std::filesystem::path& path, const std::string& expression, const std::string& extra = "") {
  save_script_model(path, "def forward(self, x):\n    " + expression + "\n",
                    pose_metadata("udp_heatmap", 16, 16, 16, 16, two_eyes, R"("blur_kernel": 5)", extra));
}

inline std::shared_ptr<posekit::ModelBackend> on_cpu(const std::filesystem::path& model) {
  return posekit::load_model(model, {.metadata = {}, .sha256 = {}, .device = "cpu"});
}

/// The model on the test's device, used by sessions. On the CPU it passes for one on cuda:0, to which pointers to the host are the
/// device's.
inline std::shared_ptr<posekit::ModelBackend> on_test_device(const std::filesystem::path& model) {
  if (test_device() == "cpu") return std::make_shared<BySessions>(on_cpu(model), cuda_0);
  return posekit::load_model(model, {.metadata = {}, .sha256 = {}, .device = test_device()});
}

}  // namespace posekit_test
