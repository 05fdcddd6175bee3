/// COCO results and object keypoint similarity.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "posekit/result_io.h"
#include "support/paths.h"

using namespace posekit;
using Catch::Matchers::WithinAbs;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

ImageResult result_of(float box_score, const std::vector<Keypoint>& keypoints) {
  ImageResult result;
  Pose pose;
  pose.box = {0, 0, 10, 10, box_score};
  pose.keypoints = keypoints;
  result.poses = {pose};
  return result;
}

Json entries(const ImageResult& result, const CocoImageId& id) { return Json::parse("[" + to_coco_entries(result, id) + "]"); }

Json read_json(const fs::path& path) {
  std::ifstream file(path);
  return Json::parse(file);
}

std::vector<Keypoint> keypoints_of(const Json& entry) {
  const auto values = entry["keypoints"].get<std::vector<float>>();
  std::vector<Keypoint> keypoints;
  for (std::size_t i = 0; i + 2 < values.size(); i += 3) keypoints.push_back({values[i], values[i + 1], values[i + 2]});
  return keypoints;
}

bool has_labels(const std::vector<Keypoint>& keypoints) {
  return std::any_of(keypoints.begin(), keypoints.end(), [](const Keypoint& keypoint) { return keypoint.score > 0; });
}

/// An image's entries of a COCO file, in file order.
std::map<std::int64_t, std::vector<Json>> by_image(const Json& list) {
  std::map<std::int64_t, std::vector<Json>> images;
  for (const Json& entry : list) images[entry["image_id"].get<std::int64_t>()].push_back(entry);
  return images;
}

/// The formula once more, on the file's own numbers (`as_float`: rounded as Keypoint holds them).
double reference_oks(const Json& found, const Json& person, const std::vector<double>& sigmas, bool as_float) {
  const auto value = [&](const Json& entry, std::size_t i) {
    const auto exact = entry["keypoints"][i].get<double>();
    return as_float ? static_cast<double>(static_cast<float>(exact)) : exact;
  };
  double sum = 0;
  int labelled = 0;
  for (std::size_t k = 0; k < sigmas.size(); ++k) {
    if (value(person, 3 * k + 2) <= 0) continue;
    const double distance = std::hypot(value(found, 3 * k) - value(person, 3 * k), value(found, 3 * k + 1) - value(person, 3 * k + 1));
    sum += std::exp(-std::pow(distance / (2 * sigmas[k]), 2) / (2 * person["area"].get<double>()));
    ++labelled;
  }
  return sum / labelled;
}

/// Checks one image's matrix. @return how many similarities were compared
int check_image(const Json& matrix, std::vector<Json> found, const std::vector<Json>& people, const std::vector<double>& sigmas) {
  std::stable_sort(found.begin(), found.end(), [](const Json& a, const Json& b) { return a["score"] > b["score"]; });
  int compared = 0;
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    for (std::size_t j = 0; j < matrix[i].size(); ++j) {
      const auto labelled = keypoints_of(people.at(j));
      if (!has_labels(labelled)) continue;  // pycocotools falls back on the box there
      const double oks = object_keypoint_similarity(keypoints_of(found.at(i)), labelled, sigmas, people[j]["area"].get<double>());
      const double exact = reference_oks(found[i], people[j], sigmas, false);
      const double rounded = reference_oks(found[i], people[j], sigmas, true);
      const auto golden = matrix[i][j].get<double>();
      CHECK_THAT(exact, WithinAbs(golden, 1e-6));
      CHECK_THAT(oks, WithinAbs(rounded, 1e-12));
      // Coordinates are floats here: on a person of 26 x 26 pixels that alone makes 1.6e-6.
      CHECK_THAT(oks, WithinAbs(golden, 1e-6 + std::abs(exact - rounded)));
      ++compared;
    }
  }
  return compared;
}

}  // namespace

TEST_CASE("A COCO entry has x, y, score of each keypoint and the rescored score") {
  const Json json = entries(result_of(0.5F, {{1.25F, 2.5F, 0.75F}, {3, 4, 0.2F}, {5, 6, 0.25F}}), 785);
  REQUIRE(json.size() == 1);
  CHECK(json[0]["image_id"] == 785);
  CHECK(json[0]["category_id"] == 1);
  const std::vector<float> flat = json[0]["keypoints"].get<std::vector<float>>();
  CHECK(flat == std::vector<float>{1.25F, 2.5F, 0.75F, 3, 4, 0.2F, 5, 6, 0.25F});
  CHECK(json[0]["score"] == 0.25);  // 0.5 * (0.75 + 0.25) / 2: a score of 0.2 is not above 0.2
}

TEST_CASE("A COCO entry without a counted keypoint has score 0") { CHECK(entries(result_of(0.9F, {{1, 2, 0.1F}}), 1)[0]["score"] == 0); }

TEST_CASE("COCO results have one entry for each pose, none without poses") {
  ImageResult result = result_of(1, {{1, 2, 1}});
  result.poses.push_back(result.poses[0]);
  CHECK(entries(result, 1).size() == 2);
  CHECK(to_coco_entries({}, 1).empty());
}

TEST_CASE("A COCO image id may be a file name of any bytes") {
  CHECK(entries(result_of(1, {{1, 2, 1}}), "a \"b\"\xff.jpg")[0]["image_id"] == "a \"b\"\xEF\xBF\xBD.jpg");
}

TEST_CASE("COCO entries stay valid JSON when a caller's numbers are not finite") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const Json json = entries(result_of(nan, {{nan, 1, infinity}, {2, -infinity, 0.5F}}), 1);
  CHECK(json[0]["keypoints"] == Json::parse("[0, 1, 0, 2, 0, 0.5]"));
  CHECK(json[0]["score"] == 0);
  // What is not finite does not count for the mean either.
  CHECK(entries(result_of(1, {{0, 0, infinity}, {0, 0, 0.5F}}), 1)[0]["score"] == 0.5);
}

TEST_CASE("A dataset's annotation marks what is seen: 2 from the least score on, 1 below it, 0 outside of the image") {
  ImageResult result = result_of(0.5F, {{0, 0, 0.3F}, {9.5F, 4, 0.29F}, {9.75F, 4, 1}, {-0.75F, 2, 1}, {3, 7.5F, 1}});
  result.poses[0].box = {-2, 1.5, 12, 30, 0.5F};
  result.poses.push_back(result.poses[0]);
  const Json json = Json::parse("[" + to_coco_annotations(result, {785, "a.jpg", {10, 8}}, 11) + "]");
  REQUIRE(json.size() == 2);
  CHECK(json[0]["id"] == 11);
  CHECK(json[1]["id"] == 12);
  CHECK(json[0]["image_id"] == 785);
  CHECK(json[0]["category_id"] == 1);
  CHECK(json[0]["iscrowd"] == 0);
  CHECK(json[0]["bbox"] == Json({0, 1.5, 10, 6.5}));  // within the image
  CHECK(json[0]["area"] == 65);
  CHECK(json[0]["num_keypoints"] == 3);
  CHECK(json[0]["keypoints"] == Json({0, 0, 2, 9.5, 4, 1, 0, 0, 0, 0, 0, 0, 3, 7.5, 2}));
  CHECK(json[0]["score"] == entries(result, 785)[0]["score"]);
  CHECK(Json::parse(to_coco_annotations(result_of(1, {{1, 1, 0.4F}}), {1, "", {2, 2}}, 1, 0.5F))["keypoints"] == Json({1, 1, 1}));
  CHECK(to_coco_annotations({}, {1, "a.jpg", {2, 2}}, 1).empty());
}

TEST_CASE("A dataset's image and category say what labelling tools look for; links count from 1") {
  CHECK(Json::parse(to_coco_image({3, "sub/\"b\"\xff.jpg", {640, 480}})) ==
        Json({{"id", 3}, {"file_name", "sub/\"b\"\xEF\xBF\xBD.jpg"}, {"width", 640}, {"height", 480}}));
  const Json category = Json::parse(to_coco_category(builtin_keypoint_set("coco17")));
  CHECK(category["id"] == 1);
  CHECK(category["name"] == "person");
  CHECK(category["keypoints"].size() == 17);
  CHECK(category["keypoints"][16] == "right_ankle");
  // the first links of COCO's person_keypoints_val2017.json
  const Json first{{16, 14}, {14, 12}, {17, 15}, {15, 13}, {12, 13}};
  CHECK(Json(category["skeleton"].begin(), category["skeleton"].begin() + 5) == first);
}

TEST_CASE("OKS is the mean of exp(-d^2 / (2 area (2 sigma)^2)) over the labelled points") {
  const std::vector<double> sigmas{0.05, 0.1, 0.2};
  const std::vector<Keypoint> labelled{{10, 10, 2}, {20, 20, 1}, {30, 30, 0}};
  CHECK(object_keypoint_similarity(labelled, labelled, sigmas, 400) == 1);
  const std::vector<Keypoint> pose{{13, 14, 0}, {20, 20, 0}, {-900, 0, 0}};
  const double expected = (std::exp(-25 / (2 * 400 * 0.01)) + 1) / 2;
  CHECK_THAT(object_keypoint_similarity(pose, labelled, sigmas, 400), WithinAbs(expected, 1e-12));
}

TEST_CASE("OKS without a labelled point is 0") {
  const std::vector<Keypoint> points{{1, 1, 0}};
  CHECK(object_keypoint_similarity(points, points, std::vector<double>{0.1}, 10) == 0);
}

TEST_CASE("OKS refuses lists of different lengths and names the lengths") {
  const std::vector<Keypoint> two(2);
  const std::vector<Keypoint> three(3);
  const std::vector<double> sigmas(2, 0.1);
  for (const auto& [pose, labelled] : {std::pair(three, two), std::pair(two, three), std::pair(three, three)}) {
    try {
      (void)object_keypoint_similarity(pose, labelled, sigmas, 1);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::invalid_argument);
      CHECK(std::string(error.what()).find('3') != std::string::npos);
    }
  }
}

TEST_CASE("OKS agrees with pycocotools on labelled photos and synthetic people") {
  const auto shared = posekit_test::shared_dir();
  if (!shared || !fs::exists(*shared / "golden/coco_ap/cases.json")) SKIP("shared/golden/coco_ap is not there");
  const fs::path folder = *shared / "golden/coco_ap";
  const Json cases = read_json(folder / "cases.json");
  for (const Json& set : cases["sets"]) {
    const Json truth = read_json(folder / set["truth"].get<std::string>());
    const auto people = by_image(truth["annotations"]);
    const auto found = by_image(read_json(folder / set["predictions"].get<std::string>()));
    int compared = 0;
    for (const Json& image : read_json(folder / set["oks"].get<std::string>())) {
      const auto id = image["image_id"].get<std::int64_t>();
      if (image["oks"].empty() || image["oks"][0].empty()) continue;
      const auto persons = people.at(id);
      compared += check_image(image["oks"], found.at(id), persons, builtin_keypoint_set("coco17").sigmas);
    }
    CHECK(compared > 20);
  }
}
