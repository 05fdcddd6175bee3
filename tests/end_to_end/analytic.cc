/// The whole way with a model whose answer is known: coloured discs in, their centres out, held against the float64 reference.
#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "posekit/posekit.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/reference.h"

using namespace posekit;
namespace reference = posekit_test::reference;

namespace {

constexpr std::size_t colors = 6;
constexpr std::array<std::array<std::uint8_t, 3>, colors> rgb{
    {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 0}, {0, 255, 255}, {255, 0, 255}}};
constexpr double cell_tolerance = 0.01;

const std::string six_keypoints = R"({"name": "six", "keypoints": [{"name": "nose", "swap": 0}, {"name": "left_eye", "swap": 2},
  {"name": "right_eye", "swap": 1}, {"name": "left_ear", "swap": 4}, {"name": "right_ear", "swap": 3}, {"name": "chin", "swap": 5}], "links": [[0, 5]]})";

struct Disc {
  double x, y, radius;
};

/// Black, with a disc of each colour at a place that follows from the seed; edges smooth by 4 x 4 samples a pixel.
struct Scene {
  Image image;
  std::array<Disc, colors> discs;
};

Scene make_scene(int width, int height, int seed) {
  Scene scene{{std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3)), width, height, PixelFormat::rgb8}, {}};
  const double cell_w = width / 3.0;
  const double cell_h = height / 2.0;
  for (std::size_t k = 0; k < colors; ++k) {
    Disc& disc = scene.discs[k];
    disc.radius = 0.25 * std::min(cell_w, cell_h);
    disc.x = (static_cast<double>(k % 3) + 0.5) * cell_w + 0.13 * static_cast<double>((seed * 7 + static_cast<int>(k) * 5) % 11) - 0.6;
    disc.y = (static_cast<double>(k / 3) + 0.5) * cell_h + 0.17 * static_cast<double>((seed * 3 + static_cast<int>(k) * 2) % 9) - 0.6;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        int inside = 0;
        for (int sample = 0; sample < 16; ++sample) {
          const double dx = x + (sample % 4 - 1.5) / 4 - disc.x;
          const double dy = y + (sample / 4 - 1.5) / 4 - disc.y;
          inside += dx * dx + dy * dy <= disc.radius * disc.radius ? 1 : 0;
        }
        for (std::size_t c = 0; c < 3 && inside > 0; ++c) {
          scene.image.pixels[static_cast<std::size_t>(y * width + x) * 3 + c] = static_cast<std::uint8_t>(rgb[k][c] * inside / 16);
        }
      }
    }
  }
  return scene;
}

struct ModelShape {
  std::string codec;
  std::string alignment;
  int width, height, heatmap_width, heatmap_height;

  bool udp() const { return alignment == "udp"; }
};

/// What the model sees and answers, and where DARK finds it, all in float64. @return cells; score 0 where the colour is not in the crop
std::vector<reference::Cell> expected_cells(const Scene& scene, const reference::Transform& transform, const ModelShape& shape) {
  const auto crop =
      reference::crop({scene.image.width, scene.image.height, scene.image.pixels.data()}, transform, shape.width, shape.height);
  std::vector<reference::Cell> cells;
  for (const auto& color : rgb) {
    double total = 0;
    double sum_u = 0;
    double sum_v = 0;
    for (int v = 0; v < shape.height; ++v) {
      for (int u = 0; u < shape.width; ++u) {
        double distance = 0;
        for (std::size_t c = 0; c < 3; ++c) {
          const double value = std::floor(crop[static_cast<std::size_t>(v * shape.width + u) * 3 + c] + 0.5);
          distance = std::max(distance, std::abs(value - color[c]) / 255);
        }
        const double weight = std::max(0.0, 1 - 2 * distance);
        total += weight;
        sum_u += weight * u;
        sum_v += weight * v;
      }
    }
    if (!(total > 0.5)) {
      cells.push_back({0, 0, 0, false});
      continue;
    }
    const double cx =
        sum_u / total *
        (shape.udp() ? (shape.heatmap_width - 1.0) / (shape.width - 1) : static_cast<double>(shape.heatmap_width) / shape.width);
    const double cy =
        sum_v / total *
        (shape.udp() ? (shape.heatmap_height - 1.0) / (shape.height - 1) : static_cast<double>(shape.heatmap_height) / shape.height);
    std::vector<float> heatmap;
    for (int y = 0; y < shape.heatmap_height; ++y) {
      for (int x = 0; x < shape.heatmap_width; ++x)
        heatmap.push_back(static_cast<float>(std::exp(-((x - cx) * (x - cx) + (y - cy) * (y - cy)) / 8)));
    }
    cells.push_back(reference::dark(heatmap, shape.heatmap_width, shape.heatmap_height, 11));
  }
  return cells;
}

Point to_image(const reference::Cell& cell, const reference::Transform& t, const ModelShape& shape) {
  const double u = shape.udp() ? cell.x * (shape.width - 1) / (shape.heatmap_width - 1) : cell.x * shape.width / shape.heatmap_width;
  const double v = shape.udp() ? cell.y * (shape.height - 1) / (shape.heatmap_height - 1) : cell.y * shape.height / shape.heatmap_height;
  return {(u - t.offset_x) / t.scale_x, (v - t.offset_y) / t.scale_y};
}

}  // namespace

TEST_CASE("Analytic model: every disc's centre is found within 0.01 of a heatmap cell, whole or cut off") {
  const ModelShape shape = GENERATE(ModelShape{"udp_heatmap", "udp", 192, 256, 48, 64}, ModelShape{"heatmap", "classic", 256, 192, 64, 48});
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "analytic.pt";
  const std::string refinement = shape.udp() ? "" : R"("refinement": "dark")";
  posekit_test::save_script_model(
      path, posekit_test::analytic_heatmap_forward(shape.width, shape.height, shape.heatmap_width, shape.heatmap_height, shape.alignment),
      posekit_test::pose_metadata(shape.codec, shape.width, shape.height, shape.heatmap_width, shape.heatmap_height, six_keypoints,
                                  refinement));
  EstimatorOptions options;
  options.max_batch = 4;
  options.executor = std::make_shared<ThreadPool>(2);
  const PoseEstimator estimator(path, options);

  std::vector<Scene> scenes;
  std::vector<std::vector<Box>> boxes;
  const std::vector<Size> sizes{{320, 240}, {240, 320}, {900, 200}, {131, 377}, {640, 480}};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto [w, h] = sizes[i];
    scenes.push_back(make_scene(w, h, static_cast<int>(i)));
    boxes.push_back({{0, 0, static_cast<double>(w), static_cast<double>(h)},
                     {0.21 * w, -0.13 * h, 1.08 * w, 0.83 * h},
                     {-0.5 * w, 0.11 * h, 0.9 * w, 1.4 * h},
                     {0.34 * w, 0.02 * h, 0.66 * w, 0.49 * h}});
  }
  std::vector<ImageBoxes> input;
  for (std::size_t i = 0; i < scenes.size(); ++i) input.push_back({scenes[i].image.view(), boxes[i]});
  const auto results = estimator.estimate_batch(input);

  std::size_t found = 0;
  double worst_against_reference = 0;
  double worst_against_truth = 0;
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    REQUIRE(results[i].code == ErrorCode::ok);
    REQUIRE(results[i].poses.size() == boxes[i].size());
    for (std::size_t b = 0; b < boxes[i].size(); ++b) {
      const Box& box = boxes[i][b];
      const auto transform = reference::crop_transform({box.x1, box.y1, box.x2, box.y2}, shape.width, shape.height, 1.25, shape.udp());
      const auto cells = expected_cells(scenes[i], transform, shape);
      const double image_pixels_per_cell_x = static_cast<double>(shape.width) / shape.heatmap_width / transform.scale_x;
      const double image_pixels_per_cell_y = static_cast<double>(shape.height) / shape.heatmap_height / transform.scale_y;
      for (std::size_t k = 0; k < colors; ++k) {
        const Keypoint& keypoint = results[i].poses[b].keypoints[k];
        if (cells[k].score == 0) {
          CHECK(keypoint.score == 0);
          continue;
        }
        const Point expected = to_image(cells[k], transform, shape);
        worst_against_reference = std::max({worst_against_reference, std::abs(keypoint.x - expected.x) / image_pixels_per_cell_x,
                                            std::abs(keypoint.y - expected.y) / image_pixels_per_cell_y});
        const Disc& disc = scenes[i].discs[k];
        const bool whole = transform.scale_x * (disc.x - disc.radius) + transform.offset_x > 1 &&
                           transform.scale_x * (disc.x + disc.radius) + transform.offset_x < shape.width - 2 &&
                           transform.scale_y * (disc.y - disc.radius) + transform.offset_y > 1 &&
                           transform.scale_y * (disc.y + disc.radius) + transform.offset_y < shape.height - 2;
        if (whole) {
          worst_against_truth = std::max({worst_against_truth, std::abs(keypoint.x - disc.x) / image_pixels_per_cell_x,
                                          std::abs(keypoint.y - disc.y) / image_pixels_per_cell_y});
        }
        ++found;
      }
    }
  }
  INFO("worst against the reference " << worst_against_reference << " cells, against the discs' true centres " << worst_against_truth);
  CHECK(found > 80);
  CHECK(worst_against_reference <= cell_tolerance);
  CHECK(worst_against_truth <= 10 * cell_tolerance);  // sampled discs of a few pixels are not quite round
}
