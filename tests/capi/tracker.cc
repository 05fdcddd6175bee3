/// The tracker through the C interface: C++'s results, bit by bit, and its faults.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cfloat>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/paths.h"

using Catch::Matchers::ContainsSubstring;

namespace {

void ok(posekit_status status) {
  INFO(posekit_last_error_message());
  REQUIRE(status == POSEKIT_OK);
}

std::string example(const char* name) { return (posekit_test::source_dir() / "examples" / name).string(); }

/// One model, one photo, the same through both interfaces; boxes drift a little from frame to frame.
struct Both {
  posekit::PoseEstimator estimator{example("models/pose_landmark_lite.pt")};
  posekit::Image photo = posekit::read_image(example("images/people.jpg"));
  posekit_estimator* c_estimator = nullptr;
  posekit_keypoint_set* set = nullptr;

  Both() {
    ok(posekit_estimator_create(example("models/pose_landmark_lite.pt").c_str(), nullptr, nullptr, &c_estimator));
    ok(posekit_estimator_keypoint_set(c_estimator, &set));
  }
  Both(const Both&) = delete;
  Both& operator=(const Both&) = delete;
  ~Both() {
    posekit_keypoint_set_destroy(set);
    posekit_estimator_destroy(c_estimator);
  }

  [[nodiscard]] std::vector<posekit::Box> boxes(int frame) const {
    const double x = 3.0 * frame;
    return {{20 + x, 20, 140 + x, 300, 0.9F}, {300 - x, 40, 430 - x, 330, 0.7F}, {0, 0, 0, 0, 1}};
  }
  [[nodiscard]] posekit_result* c_result(const std::vector<posekit::Box>& boxes) const {
    std::vector<posekit_box> c_boxes;
    for (const posekit::Box& box : boxes) c_boxes.push_back({box.x1, box.y1, box.x2, box.y2, box.score, 0});
    const posekit_image image{
        photo.pixels.data(), photo.view().stride, photo.width, photo.height, static_cast<posekit_pixel_format>(photo.format), 0};
    posekit_result* result = nullptr;
    ok(posekit_estimator_estimate(c_estimator, &image, c_boxes.data(), c_boxes.size(), nullptr, &result));
    return result;
  }
};

}  // namespace

TEST_CASE("Tracks through C are C++'s, bit by bit") {
  const Both both;
  posekit::Tracker tracker(both.estimator.keypoints());
  posekit_tracker* c_tracker = nullptr;
  ok(posekit_tracker_create(both.set, nullptr, &c_tracker));
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

TEST_CASE("Faults of the tracker's functions have a status and a text, and leave the tracker as it was") {
  const Both both;
  posekit_tracker* tracker = nullptr;
  ok(posekit_tracker_create(both.set, nullptr, &tracker));
  posekit_result* result = both.c_result(both.boxes(0));
  posekit_result* tracked = nullptr;
  ok(posekit_tracker_update(tracker, 5, result, 0, &tracked));
  posekit_result_destroy(tracked);
  tracked = nullptr;
  char* before = nullptr;
  ok(posekit_tracker_save(tracker, &before));
  posekit_tracker* none = nullptr;
  posekit_box box{};
  std::size_t count = 7;
  char* json = nullptr;
  const int64_t* ids = nullptr;
  posekit_tracker_options wrong = POSEKIT_TRACKER_OPTIONS_INIT;
  wrong.oks_weight = 2;
  posekit_tracker_options odd = POSEKIT_TRACKER_OPTIONS_INIT;
  odd.without_smoothing = 3;

  const std::vector<std::pair<std::function<posekit_status()>, const char*>> calls{
      {[&] { return posekit_tracker_create(nullptr, nullptr, &none); }, "set is NULL"},
      {[&] { return posekit_tracker_create(both.set, nullptr, nullptr); }, "tracker is NULL"},
      {[&] { return posekit_tracker_create(both.set, &wrong, &none); }, "oks_weight is 2"},
      {[&] { return posekit_tracker_create(both.set, &odd, &none); }, "without_smoothing"},
      {[&] { return posekit_tracker_update(nullptr, 6, result, 0, &tracked); }, "tracker is NULL"},
      {[&] { return posekit_tracker_update(tracker, 6, nullptr, 0, &tracked); }, "result is NULL"},
      {[&] { return posekit_tracker_update(tracker, 6, result, 1, &tracked); }, "image"},
      {[&] { return posekit_tracker_update(tracker, 6, result, 0, nullptr); }, "tracked is NULL"},
      {[&] { return posekit_tracker_update(tracker, 5, result, 0, &tracked); }, "5 s does not come after 5 s"},
      {[&] { return posekit_tracker_update(tracker, NAN, result, 0, &tracked); }, "finite"},
      {[&] { return posekit_tracker_predict(nullptr, 6, &box, 1, &count); }, "tracker is NULL"},
      {[&] { return posekit_tracker_predict(tracker, 6, &box, 1, nullptr); }, "count is NULL"},
      {[&] { return posekit_tracker_predict(tracker, 5, &box, 1, &count); }, "room for 1"},
      {[&] { return posekit_tracker_predict(tracker, 4, &box, 1, &count); }, "before 5 s"},
      {[&] { return posekit_tracker_reset(nullptr); }, "tracker is NULL"},
      {[&] { return posekit_tracker_save(nullptr, &json); }, "tracker is NULL"},
      {[&] { return posekit_tracker_save(tracker, nullptr); }, "json is NULL"},
      {[&] { return posekit_tracker_restore(tracker, nullptr); }, "json is NULL"},
      {[&] { return posekit_tracker_restore(tracker, "{}"); }, "\"format\" is missing"},
      {[&] { return posekit_result_track_ids(nullptr, 0, &ids, &count); }, "result is NULL"},
      {[&] { return posekit_result_track_ids(result, 1, &ids, &count); }, "image"},
      {[&] { return posekit_result_track_ids(result, 0, nullptr, &count); }, "track_ids is NULL"},
      {[&] { return posekit_result_track_ids(result, 0, &ids, nullptr); }, "persons is NULL"},
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    INFO("call " << i << ": " << posekit_last_error_message());
    CHECK(calls[i].first() == POSEKIT_ERROR_INVALID_ARGUMENT);
    CHECK_THAT(posekit_last_error_message(), ContainsSubstring(calls[i].second));
    CHECK((none == nullptr && tracked == nullptr && json == nullptr));
  }
  ok(posekit_tracker_save(tracker, &json));
  CHECK(std::string(json) == before);
  posekit_string_destroy(json);
  posekit_string_destroy(before);
  posekit_result_destroy(result);
  posekit_tracker_destroy(tracker);
  posekit_tracker_destroy(nullptr);
}

TEST_CASE("Through C an option of 0 is the default, and DBL_MIN as good as 0") {
  const Both both;
  posekit_tracker_options options = POSEKIT_TRACKER_OPTIONS_INIT;
  options.birth_s = DBL_MIN;
  options.without_smoothing = 1;
  posekit_tracker* tracker = nullptr;
  ok(posekit_tracker_create(both.set, &options, &tracker));
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
