/// Draws poses: every shape is a capsule whose coverage of a pixel follows from its distance, so edges are smooth at any size.
#include "posekit/draw.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

using Color = std::array<float, 3>;  // red, green, blue

// Told apart with any kind of colour vision, and on light and dark.
constexpr Color left_color{255, 150, 30};
constexpr Color right_color{60, 165, 255};
constexpr Color middle_color{150, 235, 110};
constexpr Color box_color{255, 255, 255};
constexpr Color outline_color{20, 20, 25};
// People of a film: neighbours in number differ clearly, none is the outline's. Paul Tol's "bright" and "vibrant" schemes.
constexpr std::array<Color, 12> track_colors{{{68, 119, 170},
                                              {238, 102, 119},
                                              {34, 136, 51},
                                              {204, 187, 68},
                                              {102, 204, 238},
                                              {170, 51, 119},
                                              {238, 119, 51},
                                              {0, 153, 136},
                                              {187, 187, 187},
                                              {238, 51, 119},
                                              {0, 119, 187},
                                              {204, 51, 17}}};

constexpr float faintest = 0.35F;       // of a keypoint that has just the least score
constexpr float full_score = 0.8F;      // from here on nothing is faded
constexpr double sparse_points = 40;    // sets of more points get smaller ones
constexpr double thinnest = 0.5;        // radius of what is still drawn in full strength
constexpr double room_of_line = 0.125;  // a line's largest radius, as a share of the distance to the near_keypoints-th nearest
constexpr double least_room = 0.05;     // where keypoints coincide
constexpr std::size_t near_keypoints = 3;

enum class Side { left, right, middle };

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The side that a word of the name tells: left, right, l or r.
Side side_of_name(std::string_view name) {
  std::string word;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && is_letter(name[i])) {
      word += static_cast<char>(name[i] | 0x20);  // lower case
      continue;
    }
    if (word == "left" || word == "l") return Side::left;
    if (word == "right" || word == "r") return Side::right;
    word.clear();
  }
  return Side::middle;
}

/// Where names tell nothing, partners differ all the same: numbered face points begin on the right (iBUG's 68 points).
Side side_of(const KeypointSet& set, std::size_t index) {
  const KeypointInfo& keypoint = set.keypoints[index];
  const Side named = side_of_name(keypoint.name);
  if (named != Side::middle || !keypoint.swap || *keypoint.swap == index || *keypoint.swap >= set.size()) return named;
  switch (side_of_name(set.keypoints[*keypoint.swap].name)) {
    case Side::left: return Side::right;
    case Side::right: return Side::left;
    case Side::middle: break;
  }
  return index < *keypoint.swap ? Side::right : Side::left;
}

Side side_of_link(Side a, Side b) {
  if (a == b || b == Side::middle) return a;
  return a == Side::middle ? b : Side::middle;
}

Color color_of(Side side) {
  switch (side) {
    case Side::left: return left_color;
    case Side::right: return right_color;
    case Side::middle: break;
  }
  return middle_color;
}

/// The colour of a person's id, the same in every picture.
Color color_of_track(std::int64_t id) {
  constexpr auto count = static_cast<std::int64_t>(track_colors.size());
  return track_colors[static_cast<std::size_t>((id % count + count) % count)];
}

struct Stroke {
  double radius = 1;   ///< Half the thickness, pixels.
  double outline = 0;  ///< Width of the dark rim, pixels.
};

class Canvas {
 public:
  explicit Canvas(Image& image) : image_(image), reversed_(image.format == PixelFormat::bgr8) {}

  /// A line with round ends; a == b gives a disc. What is thinner than a pixel is a pixel wide and fainter.
  void capsule(Point a, Point b, Stroke stroke, const Color& color, float alpha) {
    if (stroke.radius < thinnest) {
      alpha *= static_cast<float>(stroke.radius / thinnest);
      stroke.radius = thinnest;
    }
    if (stroke.outline > 0) fill(a, b, stroke.radius + stroke.outline, outline_color, 0.75F * alpha);
    fill(a, b, stroke.radius, color, alpha);
  }

 private:
  void fill(const Point& from, const Point& to, double radius, const Color& color, float alpha);
  void blend(int x, int y, const Color& color, float alpha);

  Image& image_;
  bool reversed_;
};

/// Coordinates that no rounding error can spoil. Farther points lie outside any image: only the slope of their links changes.
Point within_reach(const Point& point) {
  constexpr double farthest = 1e8;
  return {std::clamp(point.x, -farthest, farthest), std::clamp(point.y, -farthest, farthest)};
}

/// The part of the segment from a to b that can touch the image; false if none does. Keeps far coordinates from costing time.
bool clip(Point& a, Point& b, double width, double height, double margin) {
  double first = 0;
  double last = 1;
  const auto cut = [&](double from, double delta, double least, double most) {
    if (delta == 0) return from >= least && from <= most;
    const double t0 = (least - from) / delta;
    const double t1 = (most - from) / delta;
    first = std::max(first, std::min(t0, t1));
    last = std::min(last, std::max(t0, t1));
    return first <= last;
  };
  const Point delta{b.x - a.x, b.y - a.y};
  if (!cut(a.x, delta.x, -margin, width + margin) || !cut(a.y, delta.y, -margin, height + margin)) return false;
  b = {a.x + last * delta.x, a.y + last * delta.y};
  a = {a.x + first * delta.x, a.y + first * delta.y};
  return true;
}

void Canvas::fill(const Point& from, const Point& to, double radius, const Color& color, float alpha) {
  const double reach = radius + 1;
  Point a = within_reach(from);
  Point b = within_reach(to);
  if (!clip(a, b, image_.width, image_.height, reach)) return;
  const Point along{b.x - a.x, b.y - a.y};
  const double length_squared = along.x * along.x + along.y * along.y;
  const int top = std::max(0, static_cast<int>(std::floor(std::min(a.y, b.y) - reach)));
  const int bottom = std::min(image_.height - 1, static_cast<int>(std::ceil(std::max(a.y, b.y) + reach)));
  for (int y = top; y <= bottom; ++y) {
    // Only the part of the row that the capsule can touch: the segment's x where it passes within reach of the row.
    double first = 0;
    double last = 1;
    if (std::abs(along.y) > 1e-9) {
      const double t0 = (y - reach - a.y) / along.y;
      const double t1 = (y + reach - a.y) / along.y;
      first = std::clamp(std::min(t0, t1), 0.0, 1.0);
      last = std::clamp(std::max(t0, t1), 0.0, 1.0);
    }
    const double x0 = a.x + first * along.x;
    const double x1 = a.x + last * along.x;
    const int begin = std::max(0, static_cast<int>(std::floor(std::min(x0, x1) - reach)));
    const int end = std::min(image_.width - 1, static_cast<int>(std::ceil(std::max(x0, x1) + reach)));
    for (int x = begin; x <= end; ++x) {
      const double t = length_squared > 0 ? std::clamp(((x - a.x) * along.x + (y - a.y) * along.y) / length_squared, 0.0, 1.0) : 0;
      const double distance = std::hypot(x - a.x - t * along.x, y - a.y - t * along.y);
      const auto coverage = static_cast<float>(std::clamp(radius + 0.5 - distance, 0.0, 1.0));
      if (coverage > 0) blend(x, y, color, coverage * alpha);
    }
  }
}

void Canvas::blend(int x, int y, const Color& color, float alpha) {
  std::uint8_t* pixel =
      &image_.pixels[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image_.width) + static_cast<std::size_t>(x)) * 3];
  for (std::size_t c = 0; c < 3; ++c) {
    const auto before = static_cast<float>(pixel[c]);
    pixel[c] = static_cast<std::uint8_t>(before + (color[reversed_ ? 2 - c : c] - before) * alpha + 0.5F);
  }
}

/// Sizes of one person's body: in proportion to the box, never too thin to see. rooms_of says where less of them is drawn.
struct Sizes {
  Stroke link;
  Stroke point;
  Stroke box;
  Stroke track_box;

  Sizes(const Box& box_of_person, std::size_t keypoints) {
    const double size = is_valid(box_of_person) ? std::max(box_of_person.x2 - box_of_person.x1, box_of_person.y2 - box_of_person.y1) : 0;
    const double unit = std::clamp(size / 120, 0.6, 40.0);
    const double density = std::sqrt(sparse_points / static_cast<double>(std::max<std::size_t>(1, keypoints)));
    const double rim = std::clamp(unit * 0.35, 0.0, 4.0);
    link = {std::max(0.65, 0.8 * unit), rim};
    point = {std::max(0.7, std::clamp(1.6 * density, 1.1, 1.6) * unit), rim};
    box = {std::max(0.5, 0.35 * unit), 0};
    track_box = {std::max(1.0, 0.6 * unit), 0};
  }
};

Stroke operator*(const Stroke& stroke, double share) { return {stroke.radius * share, stroke.outline * share}; }

bool is_drawn(const Keypoint& keypoint, const DrawOptions& options) {
  return keypoint.score >= options.min_score && std::isfinite(keypoint.x) && std::isfinite(keypoint.y);
}

Point position_of(const Keypoint& keypoint) { return {static_cast<double>(keypoint.x), static_cast<double>(keypoint.y)}; }

/// The share of the body's sizes that each keypoint has room for, at most 1: less where many are drawn close together.
std::vector<double> rooms_of(const Pose& pose, const Sizes& sizes, const DrawOptions& options) {
  std::vector<double> rooms(pose.keypoints.size(), 1);
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    if (!is_drawn(pose.keypoints[i], options)) continue;
    const Point a = position_of(pose.keypoints[i]);
    std::array<double, near_keypoints> nearest;  // squared
    nearest.fill(std::numeric_limits<double>::infinity());
    for (std::size_t j = 0; j < rooms.size(); ++j) {
      if (j == i || !is_drawn(pose.keypoints[j], options)) continue;
      const Point b = position_of(pose.keypoints[j]);
      double distance = (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y);
      for (double& kept : nearest) {
        if (distance < kept) std::swap(distance, kept);
      }
    }
    rooms[i] = std::clamp(room_of_line * std::sqrt(nearest.back()) / sizes.link.radius, least_room, 1.0);
  }
  return rooms;
}

float alpha_of(float score, const DrawOptions& options) {
  if (options.min_score >= full_score) return 1;
  const float strength = std::clamp((score - options.min_score) / (full_score - options.min_score), 0.0F, 1.0F);
  return faintest + (1 - faintest) * strength;
}

void draw_box(Canvas& canvas, const Box& box, const Stroke& stroke, const Color& color, float alpha) {
  const std::array<Point, 4> corners{{{box.x1, box.y1}, {box.x2, box.y1}, {box.x2, box.y2}, {box.x1, box.y2}}};
  for (std::size_t i = 0; i < 4; ++i) canvas.capsule(corners[i], corners[(i + 1) % 4], stroke, color, alpha);
}

void draw_pose(Canvas& canvas, const Pose& pose, const KeypointSet& set, const DrawOptions& options) {
  const Sizes sizes(pose.box, set.size());
  const std::vector<double> rooms = rooms_of(pose, sizes, options);
  if (options.boxes && is_valid(pose.box)) {
    // A colour needs more of the line than white to be told.
    pose.track_id ? draw_box(canvas, pose.box, sizes.track_box, color_of_track(*pose.track_id), 0.9F)
                  : draw_box(canvas, pose.box, sizes.box, box_color, 0.55F);
  }
  for (const auto& [a, b] : set.links) {
    const Keypoint& one = pose.keypoints[a];
    const Keypoint& other = pose.keypoints[b];
    if (!is_drawn(one, options) || !is_drawn(other, options)) continue;
    const Side side = side_of_link(side_of(set, a), side_of(set, b));
    canvas.capsule(position_of(one), position_of(other), sizes.link * std::min(rooms[a], rooms[b]),
                   pose.track_id ? color_of_track(*pose.track_id) : color_of(side), alpha_of(std::min(one.score, other.score), options));
  }
  for (std::size_t i = 0; i < set.size(); ++i) {
    const Keypoint& keypoint = pose.keypoints[i];
    if (!is_drawn(keypoint, options)) continue;
    canvas.capsule(position_of(keypoint), position_of(keypoint), sizes.point * rooms[i], color_of(side_of(set, i)),
                   alpha_of(keypoint.score, options));
  }
}

}  // namespace

void draw_poses(Image& image, std::span<const Pose> poses, const KeypointSet& keypoints, const DrawOptions& options) {
  validate(image.view());
  if (channels(image.format) != 3)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("image of {} channels can't be drawn on, bgr8 or rgb8 is expected: convert it first", channels(image.format)));
  const std::size_t bytes = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3;
  if (image.pixels.size() < bytes) {
    throw Error(ErrorCode::invalid_argument, fmt::format("image of {}x{} pixels has {} bytes, {} are expected: resize `pixels`",
                                                         image.width, image.height, image.pixels.size(), bytes));
  }
  for (const Pose& pose : poses) {
    if (pose.keypoints.size() != keypoints.size()) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("a pose of {} keypoints can't be drawn with set \"{}\" of {}: pass the estimator's keypoints()",
                              pose.keypoints.size(), keypoints.name, keypoints.size()));
    }
  }
  Canvas canvas(image);
  for (const Pose& pose : poses) draw_pose(canvas, pose, keypoints, options);
}

}  // namespace posekit::inline v0
