/// The tracker through the C interface: C++'s results, bit by bit.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "capi/objects.h"
#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/paths.h"

using Catch::Matchers::ContainsSubstring;
using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

std::string example(const char* name) { return (posekit_test::source_dir() / "examples" / name).string(); }

/// One model, one photo, the same through both interfaces; boxes drift a little from frame to frame.
struct Both {
  posekit::PoseEstimator estimator{example("models/pose_landmark_lite.pt")};
  posekit::Image photo = posekit::read_image(example("images/people.jpg"));
  Estimator c_estimator = estimator_of(load(example("models/pose_landmark_lite.pt")).get());
  KeypointSet set = set_of(c_estimator.get());

  [[nodiscard]] std::vector<posekit::Box> boxes(int frame) const {
    const double x = 3.0 * frame;
    return {{20 + x, 20, 140 + x, 300, 0.9F}, {300 - x, 40, 430 - x, 330, 0.7F}, {0, 0, 0, 0, 1}};
  }
  [[nodiscard]] posekit_result* c_result(const std::vector<posekit::Box>& boxes) const {
    std::vector<posekit_box> c_boxes;
    for (const posekit::Box& box : boxes) c_boxes.push_back({box.x1, box.y1, box.x2, box.y2, box.score, 0});
    const posekit_image image = host_image(photo.pixels.data(), photo.width, photo.height, static_cast<posekit_pixel_format>(photo.format));
    posekit_result* result = nullptr;
    ok(posekit_estimator_estimate(c_estimator.get(), &image, c_boxes.data(), c_boxes.size(), nullptr, &result));
    return result;
  }
};

}  // namespace

TEST_CASE("Tracks through C are C++'s, bit by bit") {
  const Both both;
  posekit::Tracker tracker(both.estimator.keypoints());
  posekit_tracker* c_tracker = nullptr;
  ok(posekit_tracker_create(both.set.get(), nullptr, &c_tracker));
  for (int frame = 0; frame < 4; ++frame) {
    const double time = 0.04 * frame;
    auto people = both.estimator.estimate(both.photo.view(), both.boxes(frame));
    const auto raw = people;
    tracker.update(time, people.poses);
    posekit_result* result = both.c_result(both.boxes(frame));
    posekit_result* tracked = nullptr;
    ok(posekit_tracker_update(c_tracker, time, result, 0, &tracked));

    const int64_t* ids = nullptr;
    const float* keypoints = nullptr;
    const float* given = nullptr;
    std::size_t persons = 0;
    ok(posekit_result_keypoints(result, 0, &given, &persons));
    ok(posekit_result_keypoints(tracked, 0, &keypoints, &persons));
    ok(posekit_result_track_ids(tracked, 0, &ids, &persons));
    REQUIRE(persons == people.poses.size());
    for (std::size_t i = 0; i < persons; ++i) {
      REQUIRE(people.poses[i].track_id == ids[i]);
      for (const posekit::Keypoint& keypoint : people.poses[i].keypoints) {
        REQUIRE((keypoints[0] == keypoint.x && keypoints[1] == keypoint.y && keypoints[2] == keypoint.score));
        keypoints += 3;
      }
      for (const posekit::Keypoint& keypoint : raw.poses[i].keypoints) {
        REQUIRE((given[0] == keypoint.x && given[1] == keypoint.y));  // the given result stays as it was
        given += 3;
      }
    }
    std::size_t errors = 0;
    ok(posekit_result_box_error_count(tracked, 0, &errors));
    CHECK(errors == 1);
    char* json = nullptr;
    ok(posekit_result_json(tracked, 0, "", &json));
    CHECK_THAT(json, ContainsSubstring("\"track_id\": 1"));
    posekit_string_destroy(json);
    posekit_result_destroy(result);
    posekit_result_destroy(tracked);

    std::vector<posekit_box> boxes(2);
    std::size_t count = 0;
    ok(posekit_tracker_predict(c_tracker, time + 0.02, boxes.data(), boxes.size(), &count));
    const auto predicted = tracker.predict(time + 0.02);
    REQUIRE(count == predicted.size());
    for (std::size_t i = 0; i < count; ++i) CHECK((boxes[i].x1 == predicted[i].x1 && boxes[i].score == predicted[i].score));
  }
  char* json = nullptr;
  ok(posekit_tracker_save(c_tracker, &json));
  CHECK(json == tracker.save());
  posekit_string_destroy(json);
  posekit_tracker_destroy(c_tracker);
}

TEST_CASE("Through C an option of 0 is the default, unless its bit in `set` is set") {
  const Both both;
  posekit_tracker_options options = POSEKIT_TRACKER_OPTIONS_INIT;
  options.set = POSEKIT_TRACKER_SET_BIRTH_S;  // birth_s is 0: an id at once
  options.smoothing = POSEKIT_SMOOTHING_NONE;
  posekit_tracker* tracker = nullptr;
  ok(posekit_tracker_create(both.set.get(), &options, &tracker));
  posekit_result* nobody = both.c_result({});
  posekit_result* result = both.c_result(both.boxes(0));
  for (const auto& [time, given, first] : {std::tuple{0.0, nobody, 0}, {0.1, result, 1}}) {
    posekit_result* tracked = nullptr;
    ok(posekit_tracker_update(tracker, time, given, 0, &tracked));
    const int64_t* ids = nullptr;
    std::size_t persons = 0;
    ok(posekit_result_track_ids(tracked, 0, &ids, &persons));
    CHECK((persons == 0 ? 0 : ids[0]) == first);  // not in the first frame, and at once all the same
    posekit_result_destroy(tracked);
  }
  posekit_result_destroy(nobody);
  posekit_result_destroy(result);
  posekit_tracker_destroy(tracker);
}
