/// What goes wrong with trackers through the C interface. None of it changes the tracker.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdint>
#include <string>

#include "capi/objects.h"
#include "capi/small_models.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

/// A tracker that has seen two people at 5 s.
class SeenTwo {
 public:
  SeenTwo() {
    (void)made<Result>([&](auto** out) { return posekit_tracker_update(tracker.get(), 5, result.get(), 0, out); });
    before_ = state();
  }

  /// Whether the tracker is as it was then.
  [[nodiscard]] bool unchanged() const { return state() == before_; }

  KeypointSet set = set_of(small_models().estimator.get());
  Result result = estimate();
  Tracker tracker = made<Tracker>([&](auto** out) { return posekit_tracker_create(set.get(), nullptr, out); });

 private:
  [[nodiscard]] std::string state() const {
    return made<Text>([&](auto** json) { return posekit_tracker_save(tracker.get(), json); }).get();
  }

  std::string before_;
};

}  // namespace

TEST_CASE("A tracker's functions refuse NULL for an object or an input, name it, and reset their out parameters") {
  const SeenTwo seen;
  posekit_tracker* tracker = seen.tracker.get();
  const posekit_result* result = seen.result.get();
  posekit_box box{};
  refuses<posekit_tracker*>("set is NULL", [](auto** out) { return posekit_tracker_create(nullptr, nullptr, out); });
  refuses<posekit_result*>("tracker is NULL", [&](auto** out) { return posekit_tracker_update(nullptr, 6, result, 0, out); });
  refuses<posekit_result*>("result is NULL", [&](auto** out) { return posekit_tracker_update(tracker, 6, nullptr, 0, out); });
  refuses<size_t>("tracker is NULL", [&](auto* count) { return posekit_tracker_predict(nullptr, 6, &box, 1, count); });
  refuses("tracker is NULL", [] { return posekit_tracker_reset(nullptr); });
  refuses<char*>("tracker is NULL", [](auto** json) { return posekit_tracker_save(nullptr, json); });
  refuses("tracker is NULL", [] { return posekit_tracker_restore(nullptr, "{}"); });
  refuses("json is NULL", [&] { return posekit_tracker_restore(tracker, nullptr); });
  CHECK(seen.unchanged());
}

TEST_CASE("A tracker's functions refuse NULL for an out parameter, and name it") {
  const SeenTwo seen;
  posekit_tracker* tracker = seen.tracker.get();
  posekit_box box{};
  refuses("tracker is NULL", [&] { return posekit_tracker_create(seen.set.get(), nullptr, nullptr); });
  refuses("tracked is NULL", [&] { return posekit_tracker_update(tracker, 6, seen.result.get(), 0, nullptr); });
  refuses("count is NULL", [&] { return posekit_tracker_predict(tracker, 6, &box, 1, nullptr); });
  refuses("json is NULL", [&] { return posekit_tracker_save(tracker, nullptr); });
  CHECK(seen.unchanged());
}

TEST_CASE("A tracker option outside its range is refused and named") {
  const auto set = set_of(small_models().estimator.get());
  const auto refused = [&](const posekit_tracker_options& options, const std::string& text) {
    refuses<posekit_tracker*>(text, [&](auto** out) { return posekit_tracker_create(set.get(), &options, out); });
  };
  posekit_tracker_options options = POSEKIT_TRACKER_OPTIONS_INIT;
  options.oks_weight = 2;
  refused(options, "oks_weight is 2");
  options = POSEKIT_TRACKER_OPTIONS_INIT;
  options.smoothing = 3;
  refused(options, "smoothing is 3");
  options = POSEKIT_TRACKER_OPTIONS_INIT;
  options.set = 1024;
  refused(options, "posekit_tracker_options.set is 1024");
  options = POSEKIT_TRACKER_OPTIONS_INIT;
  options.set = POSEKIT_TRACKER_SET_MAX_GAP_S;
  options.max_gap_s = -1;
  refused(options, "max_gap_s is -1");
}

TEST_CASE("A time that does not come after a tracker's last, or is not finite, is refused for an update") {
  const SeenTwo seen;
  const auto refused = [&](double time, const std::string& text) {
    refuses<posekit_result*>(text, [&](auto** out) { return posekit_tracker_update(seen.tracker.get(), time, seen.result.get(), 0, out); });
  };
  refused(5, "time 5 s is not after 5 s");
  refused(NAN, "finite");
  CHECK(seen.unchanged());
}

TEST_CASE("An image's index beyond the end of a result is refused for a tracker's update") {
  const SeenTwo seen;
  refuses<posekit_result*>("image", [&](auto** out) { return posekit_tracker_update(seen.tracker.get(), 6, seen.result.get(), 1, out); });
  CHECK(seen.unchanged());
}

TEST_CASE("A buffer that is too small for a tracker's prediction is refused with its room") {
  const SeenTwo seen;
  posekit_box box{};
  refuses<size_t>("room for 1", [&](auto* count) { return posekit_tracker_predict(seen.tracker.get(), 5, &box, 1, count); });
  CHECK(seen.unchanged());
}

TEST_CASE("A prediction for a time before a tracker's last is refused") {
  const SeenTwo seen;
  posekit_box box{};
  refuses<size_t>("before 5 s", [&](auto* count) { return posekit_tracker_predict(seen.tracker.get(), 4, &box, 1, count); });
  CHECK(seen.unchanged());
}

TEST_CASE("A tracker's document without a format is refused, and the key is named") {
  const SeenTwo seen;
  refuses("\"format\" is missing", [&] { return posekit_tracker_restore(seen.tracker.get(), "{}"); });
  CHECK(seen.unchanged());
}
