/// The skeletons of the built-in sets: links that mirror, fingers and contours that hold together, subsets that cover.
#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "posekit/keypoints.h"

using namespace posekit;

namespace {

using Link = std::pair<std::size_t, std::size_t>;
using Indices = std::vector<std::size_t>;

const std::vector<std::string> whole_body_sets{"coco_wholebody133", "goliath308"};
const std::vector<std::string> parts{"body", "face", "feet", "left_hand", "right_hand"};

Link sorted(std::size_t a, std::size_t b) { return {std::min(a, b), std::max(a, b)}; }

std::set<Link> links_of(const KeypointSet& set) {
  std::set<Link> links;
  for (const auto& [a, b] : set.links) links.insert(sorted(a, b));
  return links;
}

std::size_t index_of(const KeypointSet& set, const std::string& name) {
  INFO(name);
  const auto found = std::ranges::find(set.keypoints, name, &KeypointInfo::name);
  REQUIRE(found != set.keypoints.end());
  return static_cast<std::size_t>(found - set.keypoints.begin());
}

bool has(const std::string& name, const std::string& word) { return name.find(word) != std::string::npos; }

/// The keypoints whose names have this in them.
Indices named(const KeypointSet& set, const std::string& word) {
  Indices found;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (has(set.keypoints[i].name, word)) found.push_back(i);
  }
  return found;
}

/// The same, of names that begin with the side: l or r.
Indices named_of_side(const KeypointSet& set, const std::string& side, const std::string& word) {
  Indices found = named(set, word);
  std::erase_if(found, [&](std::size_t i) { return !set.keypoints[i].name.starts_with(side + "_"); });
  return found;
}

/// The points first to last of iBUG's 68, which coco_wholebody133 names face-0 to face-67.
Indices ibug(const KeypointSet& set, int first, int last) {
  Indices found;
  for (int i = first; i <= last; ++i) found.push_back(index_of(set, "face-" + std::to_string(i)));
  return found;
}

enum class Shape { open, closed };

/// Links among these keypoints make one line: nothing forks, nothing is apart, and its ends meet if it is closed.
void check_line(const KeypointSet& set, const Indices& points, Shape shape) {
  const KeypointSet part = subset(set, points);
  INFO(part.keypoints.front().name << " to " << part.keypoints.back().name);
  REQUIRE(points.size() > 2);
  std::vector<Indices> neighbours(part.size());
  for (const auto& [a, b] : part.links) {
    neighbours[a].push_back(b);
    neighbours[b].push_back(a);
  }
  CHECK(std::ranges::count(neighbours, std::size_t{1}, &Indices::size) == (shape == Shape::open ? 2 : 0));
  CHECK(std::ranges::all_of(neighbours, [](const Indices& of) { return of.size() == 1 || of.size() == 2; }));
  std::set<std::size_t> reached{0};
  Indices next{0};
  while (!next.empty()) {
    const std::size_t from = next.back();
    next.pop_back();
    for (const std::size_t to : neighbours[from]) {
      if (reached.insert(to).second) next.push_back(to);
    }
  }
  CHECK(reached.size() == part.size());
}

/// Where a point of a line is, in eighths from the image's left, as its name says: halves are halved twice.
int eighth_of(const std::string& name) {
  const std::map<std::string, int> eighths{{"midpoint_1_", 2}, {"midpoint_2_", 6}, {"midpoint_3_", 1},
                                           {"midpoint_4_", 3}, {"midpoint_5_", 5}, {"midpoint_6_", 7}};
  for (const auto& [word, eighth] : eighths) {
    if (has(name, word)) return eighth;
  }
  return 4;
}

std::vector<Indices> lines_of_goliath() {
  const KeypointSet& set = builtin_keypoint_set("goliath308");
  std::vector<Indices> lines;
  for (const std::string kind : {"upper_lash_line", "lower_lash_line", "upper_eyelid_line", "lower_eyelid_line", "upper_crease_line"}) {
    for (const std::string side : {"l", "r"}) {
      Indices line = named_of_side(set, side, "of_" + kind);
      std::erase_if(line, [&](std::size_t i) { return has(set.keypoints[i].name, "_end_"); });
      lines.push_back(line);
    }
  }
  for (const std::string kind : {"upper_outer_lip", "lower_outer_lip", "upper_inner_lip", "lower_inner_lip"}) {
    lines.push_back(named(set, "of_" + kind));
  }
  lines[10].push_back(index_of(set, "center_of_cupid_bow"));
  return lines;
}

}  // namespace

TEST_CASE("A link joins two keypoints, and no two links the same ones") {
  for (const std::string& name : builtin_keypoint_sets()) {
    INFO(name);
    const KeypointSet& set = builtin_keypoint_set(name);
    CHECK(links_of(set).size() == set.links.size());
    for (const auto& [a, b] : set.links) {
      CHECK(a != b);
      CHECK(std::max(a, b) < set.size());
    }
  }
}

TEST_CASE("The mirror image of every link is a link") {
  for (const std::string& name : builtin_keypoint_sets()) {
    const KeypointSet& set = builtin_keypoint_set(name);
    const std::set<Link> links = links_of(set);
    for (const auto& [a, b] : links) {
      INFO(name << ": " << set.keypoints[a].name << " to " << set.keypoints[b].name);
      CHECK(links.contains(sorted(*set.keypoints[a].swap, *set.keypoints[b].swap)));
    }
  }
}

TEST_CASE("No keypoint of the whole-body sets is without a link") {
  for (const std::string& name : whole_body_sets) {
    const KeypointSet& set = builtin_keypoint_set(name);
    std::set<std::size_t> linked;
    for (const auto& [a, b] : set.links) linked.insert({a, b});
    for (std::size_t i = 0; i < set.size(); ++i) {
      INFO(name << ": " << set.keypoints[i].name);
      CHECK(linked.contains(i));
    }
  }
}

TEST_CASE("Each finger is a path from the wrist to its tip, and a hand has no other links") {
  const auto [name, root, joints] = GENERATE(table<std::string, std::string, std::array<std::string, 4>>(
      {{"coco_wholebody133", "hand_root", {"1", "2", "3", "4"}}, {"goliath308", "wrist", {"_third_joint", "2", "3", "4"}}}));
  const KeypointSet& set = builtin_keypoint_set(name);
  for (const std::string side : {"left", "right"}) {
    std::set<Link> expected;
    for (const std::string finger : {"thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger"}) {
      std::size_t from = index_of(set, side + "_" + root);
      for (const std::string& joint : joints) {
        std::string of_finger = side;
        of_finger += "_" + finger + joint;
        const std::size_t to = index_of(set, of_finger);
        expected.insert(sorted(from, to));
        from = to;
      }
    }
    const Indices& hand = set.subsets.at(side + "_hand");
    CHECK(hand.size() == 21);
    std::set<Link> found;
    for (const auto& [a, b] : subset(set, hand).links) found.insert(sorted(hand[a], hand[b]));
    CHECK(found == expected);
  }
}

TEST_CASE("Heel, big toe and small toe hang on the ankle") {
  for (const std::string& name : whole_body_sets) {
    const KeypointSet& set = builtin_keypoint_set(name);
    const std::set<Link> links = links_of(set);
    for (const std::string side : {"left_", "right_"}) {
      for (const std::string part : {"heel", "big_toe", "small_toe"}) {
        INFO(name << ": " << side << part);
        CHECK(links.contains(sorted(index_of(set, side + "ankle"), index_of(set, side + part))));
      }
    }
  }
}

TEST_CASE("The face of coco_wholebody133 has the contours of iBUG's 68 points") {
  const KeypointSet& set = builtin_keypoint_set("coco_wholebody133");
  const auto [first, last, shape] = GENERATE(table<int, int, Shape>({{0, 16, Shape::open},
                                                                     {17, 21, Shape::open},
                                                                     {22, 26, Shape::open},
                                                                     {27, 30, Shape::open},
                                                                     {31, 35, Shape::open},
                                                                     {36, 41, Shape::closed},
                                                                     {42, 47, Shape::closed},
                                                                     {48, 59, Shape::closed},
                                                                     {60, 67, Shape::closed}}));
  const Indices points = ibug(set, first, last);
  check_line(set, points, shape);
  const std::set<Link> links = links_of(set);
  for (std::size_t i = 1; i < points.size(); ++i) CHECK(links.contains({points[i - 1], points[i]}));
}

TEST_CASE("The contours of the face of goliath308 hold together") {
  const KeypointSet& set = builtin_keypoint_set("goliath308");
  for (const std::string side : {"l", "r"}) {
    check_line(set, named(set, "of_" + side + "_eyebrow"), Shape::closed);
    check_line(set, named(set, "of_" + side + "_nostril"), Shape::closed);
    check_line(set, named_of_side(set, side, "border_of_iris"), Shape::closed);
    check_line(set, named_of_side(set, side, "border_of_pupil"), Shape::closed);
    check_line(set, named_of_side(set, side, "of_upper_crease_line"), Shape::open);
    const Indices eye = named_of_side(set, side, "lash_line");
    CHECK(eye.size() == 18);
    check_line(set, eye, Shape::closed);
    Indices helix;
    for (int i = 1; i <= 7; ++i) {
      std::string point = side;
      point += "_point_" + std::to_string(i) + "_of_inner_helix";
      // The right ear's point 8 is the partner of the left one's point 2.
      helix.push_back(side == "r" && i == 2 ? *set.keypoints[index_of(set, "l_point_2_of_inner_helix")].swap : index_of(set, point));
    }
    check_line(set, helix, Shape::open);
  }
  for (const std::string lip : {"outer", "inner"}) {
    Indices points = named(set, "_" + lip + "_lip");
    for (const std::string side : {"l_", "r_"}) points.push_back(index_of(set, side + lip + "_corner_of_mouth"));
    if (lip == "outer") points.push_back(index_of(set, "center_of_cupid_bow"));
    CHECK(points.size() == 16);
    check_line(set, points, Shape::closed);
  }
}

TEST_CASE("Links along eyelids and lips of goliath308 join neighbours, in the order that its partners confirm") {
  const KeypointSet& set = builtin_keypoint_set("goliath308");
  for (const Indices& line : lines_of_goliath()) {
    CHECK(line.size() == 7);
    for (const std::size_t i : line) {
      INFO(set.keypoints[i].name);
      CHECK(eighth_of(set.keypoints[*set.keypoints[i].swap].name) == 8 - eighth_of(set.keypoints[i].name));
    }
    const KeypointSet part = subset(set, line);
    CHECK(part.links.size() == 6);
    for (const auto& [a, b] : part.links) {
      INFO(part.keypoints[a].name << " to " << part.keypoints[b].name);
      CHECK(std::abs(eighth_of(part.keypoints[a].name) - eighth_of(part.keypoints[b].name)) == 1);
    }
  }
}

TEST_CASE("Lines of the eye meet the corners on their own side") {
  const KeypointSet& set = builtin_keypoint_set("goliath308");
  const std::set<Link> links = links_of(set);
  const auto joined = [&](const std::string& a, const std::string& b) {
    return links.contains(sorted(index_of(set, a), index_of(set, b)));
  };
  for (const std::string lid : {"upper", "lower"}) {
    // The right eye is on the image's left: its lines begin there, at the outer end.
    CHECK(joined("r_outer_end_of_" + lid + "_lash_line", "r_midpoint_3_of_" + lid + "_lash_line"));
    CHECK(joined("r_inner_end_of_" + lid + "_lash_line", "r_midpoint_6_of_" + lid + "_lash_line"));
    CHECK(joined("l_inner_end_of_" + lid + "_lash_line", "l_midpoint_3_of_" + lid + "_lash_line"));
    CHECK(joined("l_outer_end_of_" + lid + "_lash_line", "l_midpoint_6_of_" + lid + "_lash_line"));
    CHECK(joined("r_outer_end_of_" + lid + "_eyelid_line", "r_midpoint_3_of_" + lid + "_eyelid_line"));
  }
}

TEST_CASE("Body, face, hands and feet cover the whole-body sets and share the wrists only") {
  for (const std::string& name : whole_body_sets) {
    const KeypointSet& set = builtin_keypoint_set(name);
    std::vector<int> times(set.size(), 0);
    for (const std::string& part : parts) {
      for (const std::size_t i : set.subsets.at(part)) ++times[i];
    }
    for (std::size_t i = 0; i < set.size(); ++i) {
      INFO(name << ": " << set.keypoints[i].name);
      const bool root_of_hand = name == "goliath308" && has(set.keypoints[i].name, "wrist");
      CHECK(times[i] == (root_of_hand ? 2 : 1));
    }
    const Indices& coco = set.subsets.at("coco17");
    CHECK(std::ranges::equal(coco, Indices(set.subsets.at("body").begin(), set.subsets.at("body").begin() + 17)));
  }
}

TEST_CASE("The left hand's mirror image is the right hand, and the other parts are their own") {
  for (const std::string& name : whole_body_sets) {
    const KeypointSet& set = builtin_keypoint_set(name);
    const auto mirrored = [&](const std::string& part) {
      Indices indices;
      for (const std::size_t i : set.subsets.at(part)) indices.push_back(*set.keypoints[i].swap);
      return indices;
    };
    CHECK(mirrored("left_hand") == set.subsets.at("right_hand"));
    for (const std::string part : {"body", "face", "feet"}) {
      INFO(name << ": " << part);
      CHECK(std::ranges::is_permutation(mirrored(part), set.subsets.at(part)));
      CHECK(subset(set, set.subsets.at(part)).can_mirror());
    }
  }
}

TEST_CASE("The feet and the COCO body have the same names and order in both whole-body sets") {
  const KeypointSet& coco = builtin_keypoint_set("coco_wholebody133");
  const KeypointSet& goliath = builtin_keypoint_set("goliath308");
  const auto names = [](const KeypointSet& set, const std::string& part) {
    std::vector<std::string> list;
    for (const std::size_t i : set.subsets.at(part)) list.push_back(set.keypoints[i].name);
    return list;
  };
  CHECK(names(coco, "feet") == names(goliath, "feet"));
  CHECK(names(coco, "coco17") == names(goliath, "coco17"));
}
