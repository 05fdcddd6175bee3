/// Real photos through the shipped models, held against the reference run of examples/models/PROVENANCE.md.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/paths.h"

using namespace posekit;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t enough_labels = 8;

struct LabelledPerson {
  Box box;
  double area = 0;
  std::vector<Keypoint> keypoints;  // score = visibility
};

struct LabelledPhoto {
  std::string file;
  Image image;
  std::vector<LabelledPerson> people;
};

fs::path model(const std::string& name) { return posekit_test::source_dir() / "examples/models" / name; }

LabelledPerson read_person(const nlohmann::json& annotation) {
  const auto box = annotation["bbox"].get<std::vector<double>>();
  LabelledPerson person{{box[0], box[1], box[0] + box[2], box[1] + box[3]}, annotation["area"], {}};
  const auto values = annotation["keypoints"].get<std::vector<float>>();
  for (std::size_t i = 0; i + 2 < values.size(); i += 3) person.keypoints.push_back({values[i], values[i + 1], values[i + 2]});
  return person;
}

/// The four COCO photos and their people with enough labelled keypoints.
std::vector<LabelledPhoto> coco_photos(const fs::path& shared) {
  std::ifstream file(shared / "data/coco/test_coco.json");
  const nlohmann::json document = nlohmann::json::parse(file);
  std::vector<LabelledPhoto> photos;
  for (const auto& entry : document["images"]) {
    LabelledPhoto photo{entry["file_name"], read_image(shared / "data/coco" / entry["file_name"].get<std::string>()), {}};
    for (const auto& annotation : document["annotations"]) {
      if (annotation["image_id"] == entry["id"] && annotation["num_keypoints"] >= enough_labels)
        photo.people.push_back(read_person(annotation));
    }
    photos.push_back(std::move(photo));
  }
  return photos;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Image mirrored(const Image& image) {
  Image out = image;
  const auto width = static_cast<std::size_t>(image.width);
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      for (std::size_t c = 0; c < 3; ++c) out.pixels[(y * width + x) * 3 + c] = image.pixels[(y * width + width - 1 - x) * 3 + c];
    }
  }
  return out;
}

std::size_t people_found(const std::vector<Box>& boxes, const LabelledPhoto& photo, bool mirror) {
  std::size_t found = 0;
  for (const LabelledPerson& person : photo.people) {
    Box truth = person.box;
    if (mirror) truth = {photo.image.width - person.box.x2, truth.y1, photo.image.width - person.box.x1, truth.y2};
    if (std::ranges::any_of(boxes, [&](const Box& box) { return iou(box, truth) > 0.5; })) ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("Both shipped pose models reach the reference run's OKS and distance on labelled COCO people") {
  const auto shared = posekit_test::shared_dir();
  if (!shared) SKIP("the COCO photos are not here: they must not be shipped (folder shared/data/coco beside the checkout)");
  // File, mean OKS, median distance in crop pixels and number of points: PROVENANCE.md, "Reference run".
  const auto [name, oks_expected, median_expected, points_expected] = GENERATE(table<std::string, double, double, std::size_t>(
      {{"pose_landmark_lite.pt", 0.712, 4.78, 110}, {"pose_landmark_full.pt", 0.704, 4.05, 114}}));

  EstimatorOptions options;
  options.keypoints = {"coco17"};
  const PoseEstimator estimator(model(name), options);
  const auto& sigmas = builtin_keypoint_set("coco17").sigmas;
  double oks = 0;
  std::size_t people = 0;
  std::vector<double> distances;
  for (const LabelledPhoto& photo : coco_photos(*shared)) {
    std::vector<Box> boxes;
    for (const LabelledPerson& person : photo.people) boxes.push_back(person.box);
    const ImageResult result = estimator.estimate(photo.image.view(), boxes);
    REQUIRE(result.poses.size() == boxes.size());
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      const LabelledPerson& person = photo.people[i];
      const auto& pose = result.poses[i].keypoints;
      oks += object_keypoint_similarity(pose, person.keypoints, sigmas, person.area);
      ++people;
      const double scale = 256 / crop_region(boxes[i], estimator.info().input.size(), estimator.info().pose().box_padding).size.x;
      for (std::size_t k = 0; k < pose.size(); ++k) {
        if (person.keypoints[k].score != 2 || pose[k].score <= 0.5F) continue;
        distances.push_back(scale * std::hypot(pose[k].x - person.keypoints[k].x, pose[k].y - person.keypoints[k].y));
      }
    }
  }
  oks /= static_cast<double>(people);
  std::cout << name << ": " << people << " people, mean OKS " << oks << ", median distance " << median(distances) << " crop pixels over "
            << distances.size() << " points\n";
  CHECK(people == 12);
  CHECK(std::abs(oks - oks_expected) <= 0.005);
  CHECK(std::abs(median(distances) - median_expected) <= 0.1);
  CHECK(std::abs(static_cast<double>(distances.size()) - static_cast<double>(points_expected)) <= 2);
}

TEST_CASE("The shipped detector finds as many labelled COCO people as its provenance says") {
  const auto shared = posekit_test::shared_dir();
  if (!shared) SKIP("the COCO photos are not here: they must not be shipped (folder shared/data/coco beside the checkout)");
  const auto [tiles, plain_expected, mirrored_expected] =
      GENERATE(table<std::vector<double>, std::size_t, std::size_t>({{{}, 8, 10}, {{0.5}, 11, 12}}));
  DetectorOptions options;
  options.tiles = tiles;
  const PersonDetector detector(model("person_detector.pt"), options);
  std::size_t plain = 0;
  std::size_t flipped = 0;
  for (const LabelledPhoto& photo : coco_photos(*shared)) {
    plain += people_found(detector.detect(photo.image.view()), photo, false);
    const Image mirror = mirrored(photo.image);
    flipped += people_found(detector.detect(mirror.view()), photo, true);
  }
  std::cout << "person_detector.pt, " << (tiles.empty() ? "whole image" : "with tiles") << ": found " << plain << " of 12, " << flipped
            << " in the mirrored photos\n";
  CHECK(plain == plain_expected);
  CHECK(flipped == mirrored_expected);
}

TEST_CASE("The shipped detector finds each person of the shipped photos once and nobody elsewhere") {
  const PersonDetector detector(model("person_detector.pt"));
  const auto count = [&](const fs::path& file) { return detector.detect(read_image(file).view()).size(); };
  const fs::path examples = posekit_test::source_dir() / "examples/images";
  CHECK(count(examples / "astronaut.jpg") == 1);
  CHECK(count(examples / "camera.jpg") == 1);
  CHECK(count(examples / "people.jpg") == 2);
  std::size_t photos = 0;
  for (const auto& entry : fs::directory_iterator(posekit_test::source_dir() / "tests/data/no_people")) {
    if (entry.path().extension() == ".md") continue;
    INFO(entry.path());
    CHECK(count(entry.path()) == 0);
    ++photos;
  }
  CHECK(photos >= 4);
}
