/// Drawing poses: where colour goes, how it scales, and that nothing outside is touched.
#include "posekit/draw.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "posekit/error.h"
#include "support/fails_with.h"

using namespace posekit;
using posekit_test::fails_with;

namespace {

using Rgb = std::array<int, 3>;

Image gray_image(int width, int height, PixelFormat format = PixelFormat::rgb8, std::uint8_t level = 128) {
  return {std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * channels(format)), level), width, height, format};
}

Rgb pixel(const Image& image, int x, int y) {
  const std::uint8_t* rgb = &image.pixels[static_cast<std::size_t>((y * image.width + x) * 3)];
  return {rgb[0], rgb[1], rgb[2]};
}

bool is_warm(const Rgb& rgb) { return rgb[0] > rgb[2] + 40; }
bool is_cold(const Rgb& rgb) { return rgb[2] > rgb[0] + 40; }

KeypointSet set_of(const std::vector<std::string>& names, std::vector<std::pair<std::size_t, std::size_t>> links = {}) {
  KeypointSet set;
  set.name = "test";
  for (std::size_t i = 0; i < names.size(); ++i) set.keypoints.push_back({names[i], i});
  set.links = std::move(links);
  return set;
}

Pose pose_of(const Box& box, std::vector<Keypoint> keypoints) {
  Pose pose;
  pose.box = box;
  pose.keypoints = std::move(keypoints);
  return pose;
}

int changed_pixels(const Image& before, const Image& after) {
  int count = 0;
  for (int y = 0; y < before.height; ++y) {
    for (int x = 0; x < before.width; ++x) count += pixel(before, x, y) != pixel(after, x, y) ? 1 : 0;
  }
  return count;
}

/// The colour that one point of these names gets in the middle of a 100 x 100 image.
Rgb color_of_point(const KeypointSet& set, std::size_t index, float score = 1) {
  Image image = gray_image(100, 100);
  std::vector<Keypoint> keypoints(set.size(), {0, 0, -1});
  keypoints[index] = {50, 50, score};
  draw_poses(image, std::vector{pose_of({0, 0, 100, 100}, keypoints)}, set, {.boxes = false});
  return pixel(image, 50, 50);
}

constexpr DrawOptions without_boxes{.boxes = false};

}  // namespace

TEST_CASE("Left, right and middle points have colours of their own") {
  const KeypointSet set = set_of({"left_eye", "right_eye", "nose"});
  CHECK(is_warm(color_of_point(set, 0)));
  CHECK(is_cold(color_of_point(set, 1)));
  CHECK_FALSE(is_warm(color_of_point(set, 2)));
  CHECK_FALSE(is_cold(color_of_point(set, 2)));
}

TEST_CASE("A side is found anywhere in a name, as a word or as the letter l or r") {
  const KeypointSet set = set_of({"mouth_left", "mouth_right", "tip_of_l_ear", "tip_of_r_ear", "upper_lip", "L-Hip", "r knee"});
  for (const std::size_t left : {0U, 2U, 5U}) CHECK(is_warm(color_of_point(set, left)));
  for (const std::size_t right : {1U, 3U, 6U}) CHECK(is_cold(color_of_point(set, right)));
  CHECK_FALSE((is_warm(color_of_point(set, 4)) || is_cold(color_of_point(set, 4))));
}

TEST_CASE("Partners whose names have no side still get two colours") {
  KeypointSet set = set_of({"face-0", "face-1", "face-2"});
  set.keypoints[0].swap = 2;
  set.keypoints[2].swap = 0;
  CHECK(is_cold(color_of_point(set, 0)));
  CHECK(is_warm(color_of_point(set, 2)));
  CHECK_FALSE((is_warm(color_of_point(set, 1)) || is_cold(color_of_point(set, 1))));
}

TEST_CASE("Partners differ in colour in every built-in set") {
  for (const std::string& name : builtin_keypoint_sets()) {
    const KeypointSet& set = builtin_keypoint_set(name);
    for (std::size_t i = 0; i < set.size(); ++i) {
      if (!set.keypoints[i].swap || *set.keypoints[i].swap <= i) continue;
      INFO(name << " " << set.keypoints[i].name);
      const Rgb one = color_of_point(set, i);
      const Rgb other = color_of_point(set, *set.keypoints[i].swap);
      CHECK(((is_warm(one) && is_cold(other)) || (is_cold(one) && is_warm(other))));
    }
  }
}

TEST_CASE("bgr8 and rgb8 images get the same picture") {
  const KeypointSet set = set_of({"left_hip", "right_hip"}, {{0, 1}});
  const std::vector poses{pose_of({5, 5, 80, 90}, {{20, 30, 1}, {70.5F, 61.25F, 0.5F}})};
  Image rgb = gray_image(100, 100, PixelFormat::rgb8);
  Image bgr = gray_image(100, 100, PixelFormat::bgr8);
  draw_poses(rgb, poses, set);
  draw_poses(bgr, poses, set);
  for (int y = 0; y < 100; ++y) {
    for (int x = 0; x < 100; ++x) {
      const Rgb swapped = pixel(bgr, x, y);
      REQUIRE(pixel(rgb, x, y) == Rgb{swapped[2], swapped[1], swapped[0]});
    }
  }
}

TEST_CASE("Links are drawn below points and only between points that are drawn") {
  const KeypointSet set = set_of({"left_hip", "right_hip"}, {{0, 1}});
  const Image blank = gray_image(200, 100);
  Image image = blank;
  draw_poses(image, std::vector{pose_of({0, 0, 200, 100}, {{30, 50, 1}, {170, 50, 1}})}, set, without_boxes);
  CHECK(pixel(image, 100, 50) != pixel(blank, 100, 50));
  CHECK(is_warm(pixel(image, 30, 50)));
  CHECK(is_cold(pixel(image, 170, 50)));
  image = blank;
  draw_poses(image, std::vector{pose_of({0, 0, 200, 100}, {{30, 50, 1}, {170, 50, 0.1F}})}, set, without_boxes);
  CHECK(pixel(image, 100, 50) == pixel(blank, 100, 50));
  CHECK(pixel(image, 170, 50) == pixel(blank, 170, 50));
  CHECK(is_warm(pixel(image, 30, 50)));
}

TEST_CASE("Lower scores are drawn fainter, and none below the minimum") {
  const KeypointSet set = set_of({"left_hip"});
  const auto strength = [&](float score) { return color_of_point(set, 0, score)[0] - 128; };
  CHECK(strength(1) > strength(0.6F));
  CHECK(strength(0.6F) > strength(0.35F));
  CHECK(strength(0.35F) > 10);
  CHECK(strength(0.29F) == 0);
  CHECK(strength(std::numeric_limits<float>::quiet_NaN()) == 0);
  CHECK(strength(25) == strength(1));
}

TEST_CASE("Sizes grow with the person, and the smallest person can still be seen") {
  const KeypointSet set = set_of({"left_hip", "right_hip"}, {{0, 1}});
  const auto area = [&](double size) {
    const Image blank = gray_image(600, 600);
    Image image = blank;
    const auto at = [&](double share) { return static_cast<float>(share * size); };
    draw_poses(image, std::vector{pose_of({0, 0, size, size}, {{at(0.3), at(0.5), 1}, {at(0.7), at(0.5), 1}})}, set, without_boxes);
    return changed_pixels(blank, image);
  };
  CHECK(area(12) >= 6);
  CHECK(area(300) > 10 * area(60));  // both directions grow
  CHECK(area(600) > 3 * area(300));
}

TEST_CASE("The bones of hands and feet are drawn in the whole-body sets") {
  const auto [name, from, to] = GENERATE(table<std::string, std::string, std::string>({
      {"coco_wholebody133", "left_forefinger2", "left_forefinger3"},
      {"goliath308", "left_forefinger2", "left_forefinger3"},
      {"goliath308", "right_wrist", "right_pinky_finger_third_joint"},
      {"goliath308", "right_ankle", "right_heel"},
      {"goliath308", "l_centerpoint_of_upper_lash_line", "l_midpoint_4_of_upper_lash_line"},
  }));
  const KeypointSet& set = builtin_keypoint_set(name);
  std::vector<Keypoint> keypoints(set.size(), {0, 0, -1});
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set.keypoints[i].name == from) keypoints[i] = {40, 100, 1};
    if (set.keypoints[i].name == to) keypoints[i] = {160, 100, 1};
  }
  Image image = gray_image(200, 200);
  draw_poses(image, std::vector{pose_of({0, 0, 200, 200}, keypoints)}, set, without_boxes);
  INFO(name << ": " << from << " to " << to);
  const Rgb middle = pixel(image, 100, 100);
  CHECK((from.starts_with('l') ? is_warm(middle) : is_cold(middle)));
}

TEST_CASE("Where keypoints are close together, lines and points are finer") {
  // Two chains of five, in one person: one across the image, one within 40 pixels.
  KeypointSet set = set_of(std::vector<std::string>(10, "left"));
  std::vector<Keypoint> keypoints;
  for (std::size_t i = 0; i < 10; ++i) {
    const auto step = static_cast<float>(i % 5);
    keypoints.push_back(i < 5 ? Keypoint{100 + 200 * step, 300, 1} : Keypoint{480 + 10 * step, 700, 1});
    if (i % 5 > 0) set.links.emplace_back(i - 1, i);
  }
  Image image = gray_image(1000, 1000);
  draw_poses(image, std::vector{pose_of({0, 0, 1000, 1000}, keypoints)}, set, without_boxes);
  const auto height = [&](int x, int y) {
    int rows = 0;
    for (int row = y - 100; row < y + 100; ++row) rows += pixel(image, x, row) != Rgb{128, 128, 128} ? 1 : 0;
    return rows;
  };
  CHECK(height(505, 700) >= 1);
  CHECK(height(500, 700) > height(505, 700));      // a point, and the line beside it
  CHECK(height(505, 700) < 10);                    // less than the distance to the next keypoint
  CHECK(height(400, 300) > 2 * height(505, 700));  // the line of the wide chain
  CHECK(height(300, 300) > height(400, 300));
}

TEST_CASE("An iris of eight points stays a ring, in a small picture and in a large one") {
  const int size = GENERATE(800, 2000);
  const KeypointSet& set = builtin_keypoint_set("goliath308");
  const float radius = static_cast<float>(size) / 160;
  const float centre = static_cast<float>(size) / 2;
  std::vector<Keypoint> keypoints(set.size(), {0, 0, -1});
  const std::vector<std::string> around{"3", "midpoint_1", "12", "midpoint_4", "9", "midpoint_3", "6", "midpoint_2"};
  for (std::size_t k = 0; k < around.size(); ++k) {
    const float angle = static_cast<float>(k) * std::numbers::pi_v<float> / 4;
    for (std::size_t i = 0; i < set.size(); ++i) {
      if (set.keypoints[i].name == "l_border_of_iris_" + around[k])
        keypoints[i] = {centre + radius * std::cos(angle), centre - radius * std::sin(angle), 1};
    }
  }
  Image image = gray_image(size, size);
  const double end = size;
  draw_poses(image, std::vector{pose_of({0, 0, end, end}, keypoints)}, set, without_boxes);
  CHECK(pixel(image, size / 2, size / 2) == Rgb{128, 128, 128});
  for (int turn = 0; turn < 16; ++turn) {
    const float angle = static_cast<float>(turn) * std::numbers::pi_v<float> / 8;
    const float on_ring = turn % 2 == 0 ? radius : radius * std::cos(std::numbers::pi_v<float> / 8);
    const auto x = static_cast<int>(std::lround(centre + on_ring * std::cos(angle)));
    const auto y = static_cast<int>(std::lround(centre - on_ring * std::sin(angle)));
    INFO("turn " << turn);
    CHECK(pixel(image, x, y) != Rgb{128, 128, 128});
  }
}

TEST_CASE("What is thinner than a pixel is drawn fainter") {
  const auto strongest = [](float step) {
    KeypointSet set = set_of(std::vector<std::string>(6, "left"));
    std::vector<Keypoint> keypoints;
    for (std::size_t i = 0; i < 6; ++i) keypoints.push_back({50, 50 + step * static_cast<float>(i), 1});
    set.links = {{0, 5}};
    Image image = gray_image(200, 200);
    draw_poses(image, std::vector{pose_of({0, 0, 200, 200}, keypoints)}, set, without_boxes);
    int most = 0;
    for (std::size_t i = 0; i < image.pixels.size(); i += 3) most = std::max(most, std::abs(image.pixels[i] - 128));
    return most;
  };
  CHECK(strongest(0) > 5);
  CHECK(strongest(0) < strongest(0.4F));
  CHECK(strongest(0.4F) < strongest(20));
}

TEST_CASE("Edges are anti-aliased") {
  const KeypointSet set = set_of({"left_hip"});
  Image image = gray_image(100, 100, PixelFormat::rgb8, 255);
  draw_poses(image, std::vector{pose_of({0, 0, 600, 600}, {{50, 50, 1}})}, set, without_boxes);
  std::vector<int> blues;
  for (int x = 50; x < 100; ++x) blues.push_back(pixel(image, x, 50)[2]);
  const auto between = std::count_if(blues.begin(), blues.end(), [](int v) { return v > 90 && v < 250; });
  CHECK(between >= 1);
}

TEST_CASE("Sub-pixel positions count") {
  const KeypointSet set = set_of({"left_hip"});
  Image one = gray_image(100, 100);
  Image other = one;
  draw_poses(one, std::vector{pose_of({0, 0, 100, 100}, {{50, 50, 1}})}, set, without_boxes);
  draw_poses(other, std::vector{pose_of({0, 0, 100, 100}, {{50.4F, 50, 1}})}, set, without_boxes);
  CHECK(one.pixels != other.pixels);
}

TEST_CASE("Points, links and boxes at any coordinates are safe and quick") {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float huge = std::numeric_limits<float>::max();
  const double box_huge = std::numeric_limits<double>::max();
  const std::vector<float> values{-huge, -1e9F, -1, 0, 49.5F, 99, 100, 1e9F, huge, infinity, -infinity, nan};
  const std::vector<Box> boxes{{-box_huge, -box_huge, box_huge, box_huge},
                               {0, 0, 1e-300, 1e-300},
                               {-1e9, 20, 1e9, 80},
                               {nan, 0, infinity, 1},
                               {5000, 5000, 6000, 6000}};
  const KeypointSet set = set_of({"left_hip", "right_hip"}, {{0, 1}});
  Image image = gray_image(100, 100);
  const auto start = std::chrono::steady_clock::now();
  for (const Box& box : boxes) {
    for (const float x : values) {
      for (const float y : values) draw_poses(image, std::vector{pose_of(box, {{x, y, 1}, {99 - y, x, 1}})}, set);
    }
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("A link between points far outside crosses the image where it should") {
  const KeypointSet set = set_of({"left_hip", "left_knee"}, {{0, 1}});
  const float far = GENERATE(300.0F, 1e6F, 1e30F);
  Image image = gray_image(100, 100);
  draw_poses(image, std::vector{pose_of({0, 0, 100, 100}, {{-far, 40, 1}, {far, 40, 1}})}, set, without_boxes);
  for (int x = 0; x < 100; ++x) {
    CHECK(is_warm(pixel(image, x, 40)));
    CHECK(pixel(image, x, 60) == Rgb{128, 128, 128});
  }
}

TEST_CASE("An image or a pose that can't be drawn is refused") {
  const KeypointSet set = set_of({"left_hip", "right_hip"});
  const std::vector poses{pose_of({0, 0, 10, 10}, {{1, 1, 1}})};
  Image image = gray_image(20, 20);
  fails_with([&] { draw_poses(image, poses, set); }, "pose of 1 keypoints", "2");
  Image gray = gray_image(20, 20, PixelFormat::gray8);
  fails_with([&] { draw_poses(gray, {}, set); }, "image", "1 channels");
  Image lying = gray_image(20, 20);
  lying.height = 2000;
  fails_with([&] { draw_poses(lying, {}, set); }, "image", "20x2000");
  CHECK(image.pixels == gray_image(20, 20).pixels);
}

TEST_CASE("A track id has one colour in every picture, and neighbouring ids differ") {
  const KeypointSet set = set_of({"left_hip", "left_knee"}, {{0, 1}});
  const auto colors = [&](std::optional<std::int64_t> id) {
    Image image = gray_image(200, 200);
    Pose pose = pose_of({20, 20, 180, 180}, {{60, 60, 1}, {140, 140, 1}});
    pose.track_id = id;
    draw_poses(image, std::vector{pose}, set);
    return std::array{pixel(image, 20, 100), pixel(image, 100, 100), pixel(image, 60, 60)};  // box, link, point
  };
  const auto none = colors(std::nullopt);
  CHECK(is_warm(none[1]));
  for (std::int64_t id = 1; id <= 12; ++id) {
    const auto [box, link, point] = colors(id);
    CHECK(colors(id) == std::array{box, link, point});
    CHECK(link != none[1]);
    CHECK(point == none[2]);
    const auto next = colors(id + 1);
    int apart = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      apart += std::abs(next[1][c] - link[c]);
      CHECK(std::abs(box[c] - link[c]) < 60);  // the box is a little transparent
    }
    CHECK(apart > 60);
  }
  CHECK(colors(1) == colors(13));
}
