/// Streams through the C interface: what C++ gives, and every frame's pixels released once, whatever the outcome.
#include <posekit_c.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <memory>
#include <string>
#include <vector>

#include "capi/objects.h"
#include "posekit/image_io.h"
#include "posekit/posekit.h"
#include "support/paths.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

std::string model(const char* name) { return (posekit_test::source_dir() / "examples/models" / name).string(); }

struct Models {
  Estimator estimator = estimator_of(load(model("pose_landmark_lite.pt")).get());
  Detector detector = detector_of(load(model("person_detector.pt")).get());
  Predictor predictor = predictor_of(estimator.get(), detector.get());
};

struct Seen {
  std::vector<std::uint64_t> order;
  std::vector<std::vector<float>> keypoints;
  std::vector<posekit_status> status;
  std::atomic<int> released = 0;
};

posekit_status collect(void* context, const posekit_frame* frame, int32_t detected, posekit_result* result) {
  Seen& seen = *static_cast<Seen*>(context);
  size_t count = 0;
  posekit_result_copy_keypoints(result, nullptr, 0, &count);
  std::vector<float> values(count);
  posekit_result_copy_keypoints(result, values.data(), count, &count);
  posekit_status status = POSEKIT_ERROR_INTERNAL;
  const char* message = nullptr;
  posekit_result_status(result, 0, &status, &message);
  posekit_result_destroy(result);
  seen.order.push_back(frame->index);
  seen.keypoints.push_back(std::move(values));
  seen.status.push_back(status);
  return detected == 1 || status == POSEKIT_ERROR_CANCELLED ? POSEKIT_OK : POSEKIT_ERROR_INTERNAL;
}

void count_release(void* opaque) { ++static_cast<Seen*>(opaque)->released; }

posekit_frame frame_of(const posekit::Image& image, std::uint64_t index, Seen& seen) {
  posekit_frame frame = POSEKIT_FRAME_INIT;
  frame.image = host_image(image.pixels.data(), image.width, image.height, static_cast<posekit_pixel_format>(image.format));
  frame.index = index;
  frame.release = count_release;
  frame.opaque = &seen;
  return frame;
}

/// Options with a new tracker of the estimator's keypoints.
posekit_pipeline_options with_tracker(const posekit_estimator* estimator) {
  posekit_pipeline_options options = POSEKIT_PIPELINE_OPTIONS_INIT;
  ok(posekit_tracker_create(set_of(estimator).get(), nullptr, &options.tracker));
  return options;
}

}  // namespace

TEST_CASE("A stream through C gives bit for bit what C++ calls give, in order, and the pixels back") {
  std::vector<posekit::Image> photos;
  for (const char* name : {"astronaut.jpg", "people.jpg"})
    photos.push_back(posekit::read_image(posekit_test::source_dir() / "examples/images" / name));
  const posekit::PersonDetector detector(model("person_detector.pt"));
  const posekit::PoseEstimator estimator(model("pose_landmark_lite.pt"));
  const Models models;
  Seen seen;
  posekit_pipeline* pipeline = nullptr;
  ok(posekit_pipeline_create(models.predictor.get(), collect, &seen, nullptr, &pipeline));
  for (std::uint64_t i = 0; i < 6; ++i) {
    const posekit_frame frame = frame_of(photos[i % 2], i, seen);
    int32_t accepted = 0;
    ok(posekit_pipeline_submit(pipeline, &frame, nullptr, &accepted));
    CHECK(accepted == 1);
  }
  ok(posekit_pipeline_close(pipeline, nullptr));
  CHECK(seen.released == 6);
  posekit_pipeline_destroy(pipeline);
  REQUIRE(seen.order == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5});
  for (std::size_t i = 0; i < 6; ++i) {
    const auto result = estimator.estimate(photos[i % 2].view(), detector.detect(photos[i % 2].view()));
    std::vector<float> expected;
    for (const posekit::Pose& pose : result.poses) {
      for (const posekit::Keypoint& point : pose.keypoints) expected.insert(expected.end(), {point.x, point.y, point.score});
    }
    CHECK(seen.keypoints[i] == expected);
  }
}

TEST_CASE("A stream with a tracker through C gives the ids and the smooth keypoints of a loop in C++") {
  const posekit::Image photo = posekit::read_image(posekit_test::source_dir() / "examples/images/people.jpg");
  const posekit::PersonDetector detector(model("person_detector.pt"));
  const posekit::PoseEstimator estimator(model("pose_landmark_lite.pt"));
  const Models models;
  const posekit_pipeline_options options = with_tracker(models.estimator.get());

  struct Tracked {
    std::vector<std::vector<int64_t>> ids;
    std::vector<std::vector<float>> keypoints;
  } tracked;
  const posekit_sink sink = [](void* context, const posekit_frame*, int32_t, posekit_result* result) -> posekit_status {
    Tracked& all = *static_cast<Tracked*>(context);
    const int64_t* ids = nullptr;
    const float* keypoints = nullptr;
    size_t persons = 0;
    size_t count = 0;
    posekit_result_track_ids(result, 0, &ids, &persons);
    posekit_result_keypoint_count(result, &count);
    posekit_result_keypoints(result, 0, &keypoints, &persons);
    all.ids.emplace_back(ids, ids + persons);
    all.keypoints.emplace_back(keypoints, keypoints + persons * count * 3);
    posekit_result_destroy(result);
    return POSEKIT_OK;
  };
  posekit_pipeline* pipeline = nullptr;
  ok(posekit_pipeline_create(models.predictor.get(), sink, &tracked, &options, &pipeline));
  Seen seen;
  for (std::uint64_t i = 0; i < 5; ++i) {
    posekit_frame frame = frame_of(photo, i, seen);
    frame.time_s = static_cast<double>(i) / 10;
    int32_t accepted = 0;
    ok(posekit_pipeline_submit(pipeline, &frame, nullptr, &accepted));
  }
  ok(posekit_pipeline_close(pipeline, nullptr));
  posekit_metrics metrics = POSEKIT_METRICS_INIT;
  ok(posekit_pipeline_metrics(pipeline, &metrics));
  CHECK(metrics.track.time.count == 5);
  CHECK(metrics.track.waiting == 0);
  size_t known = 0;
  ok(posekit_tracker_predict(options.tracker, 0.5, nullptr, 0, &known));  // it is the caller's again

  posekit::Tracker tracker(estimator.keypoints());
  const std::vector<posekit::Box> boxes = detector.detect(photo.view());
  REQUIRE(boxes.size() >= 2);
  REQUIRE(tracked.ids.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    auto poses = estimator.estimate(photo.view(), boxes).poses;
    tracker.update(static_cast<double>(i) / 10, poses);
    std::vector<int64_t> ids;
    std::vector<float> keypoints;
    for (const posekit::Pose& pose : poses) {
      ids.push_back(pose.track_id.value_or(0));
      for (const posekit::Keypoint& point : pose.keypoints) keypoints.insert(keypoints.end(), {point.x, point.y, point.score});
    }
    CHECK(tracked.ids[i] == ids);
    CHECK(tracked.keypoints[i] == keypoints);
  }
  CHECK(tracked.ids.back().front() > 0);
  CHECK(known == tracker.predict(0.5).size());
  posekit_tracker_destroy(options.tracker);
  posekit_pipeline_destroy(pipeline);
}

TEST_CASE("A tracker may be destroyed while a pipeline has it") {
  const Models models;
  const posekit::Image photo = posekit::read_image(posekit_test::source_dir() / "examples/images/astronaut.jpg");
  const posekit_pipeline_options options = with_tracker(models.estimator.get());
  Seen seen;
  posekit_pipeline* pipeline = nullptr;
  ok(posekit_pipeline_create(models.predictor.get(), collect, &seen, &options, &pipeline));
  posekit_tracker_destroy(options.tracker);
  const posekit_frame frame = frame_of(photo, 0, seen);
  int32_t accepted = 0;
  ok(posekit_pipeline_submit(pipeline, &frame, nullptr, &accepted));
  ok(posekit_pipeline_close(pipeline, nullptr));
  posekit_metrics metrics = POSEKIT_METRICS_INIT;
  ok(posekit_pipeline_metrics(pipeline, &metrics));
  CHECK(metrics.track.time.count == 1);
  posekit_pipeline_destroy(pipeline);
  CHECK(seen.status == std::vector<posekit_status>{POSEKIT_OK});
}

TEST_CASE("Frames that are refused, dropped, cancelled or wrong give their pixels back too") {
  const posekit_overflow overflow = GENERATE(as<posekit_overflow>{}, POSEKIT_OVERFLOW_REFUSE, POSEKIT_OVERFLOW_LATEST);
  const Models models;
  const posekit::Image photo = posekit::read_image(posekit_test::source_dir() / "examples/images/astronaut.jpg");
  Seen seen;
  posekit_pipeline_options options = POSEKIT_PIPELINE_OPTIONS_INIT;
  options.overflow = overflow;
  options.queue_frames = 1;
  posekit_pipeline* pipeline = nullptr;
  ok(posekit_pipeline_create(models.predictor.get(), collect, &seen, &options, &pipeline));
  int32_t accepted = 0;
  std::size_t taken = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    const posekit_frame frame = frame_of(photo, i, seen);
    ok(posekit_pipeline_submit(pipeline, &frame, nullptr, &accepted));
    taken += accepted == 1 ? 1 : 0;
  }
  posekit_frame wrong = frame_of(photo, 50, seen);
  wrong.has_boxes = 2;
  CHECK(posekit_pipeline_submit(pipeline, &wrong, nullptr, &accepted) == POSEKIT_ERROR_INVALID_ARGUMENT);
  CHECK(accepted == 0);
  posekit_metrics metrics = POSEKIT_METRICS_INIT;
  ok(posekit_pipeline_metrics(pipeline, &metrics));
  CHECK(metrics.accepted == taken);
  CHECK(metrics.accepted + metrics.refused == 50);
  const std::size_t dropped = metrics.dropped;
  CHECK((overflow == POSEKIT_OVERFLOW_LATEST ? metrics.refused : dropped) == 0);
  posekit_pipeline_destroy(pipeline);
  CHECK(seen.released == 51);
  CHECK(seen.order.size() == taken - dropped);
}
