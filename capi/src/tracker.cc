/// The tracker.
#include "posekit/tracker.h"

#include "arguments.h"
#include "guard.h"
#include "handles.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

posekit::TrackerOptions tracker_options(const posekit_tracker_options* given) {
  constexpr std::size_t first_size = offsetof(posekit_tracker_options, jump) + sizeof(given->jump);
  const auto options = read_options(given, first_size, "posekit_tracker_options");
  check_set(options.set, 2 * POSEKIT_TRACKER_SET_SMOOTHING_GAP_S - 1, "posekit_tracker_options");
  check_enumerator(options.smoothing, POSEKIT_SMOOTHING_NONE + 1, "smoothing");
  check_reserved(options.reserved, "posekit_tracker_options");
  const auto take = [&]<class T>(double value, T& option, std::uint64_t bit = 0) {
    if (value != 0 || (options.set & bit) != 0) option = static_cast<T>(value);
  };
  posekit::TrackerOptions result;
  take(options.high_score, result.high_score, POSEKIT_TRACKER_SET_HIGH_SCORE);
  take(options.low_score, result.low_score, POSEKIT_TRACKER_SET_LOW_SCORE);
  take(options.new_score, result.new_score, POSEKIT_TRACKER_SET_NEW_SCORE);
  take(options.keypoint_score, result.keypoint_score, POSEKIT_TRACKER_SET_KEYPOINT_SCORE);
  take(options.oks_weight, result.oks_weight, POSEKIT_TRACKER_SET_OKS_WEIGHT);
  take(options.min_similarity, result.min_similarity, POSEKIT_TRACKER_SET_MIN_SIMILARITY);
  take(options.birth_s, result.birth_s, POSEKIT_TRACKER_SET_BIRTH_S);
  take(options.max_gap_s, result.max_gap_s, POSEKIT_TRACKER_SET_MAX_GAP_S);
  result.smoothing.enabled = options.smoothing == POSEKIT_SMOOTHING_ONE_EURO;
  take(options.min_cutoff_hz, result.smoothing.min_cutoff_hz);
  take(options.speed_factor, result.smoothing.speed_factor, POSEKIT_TRACKER_SET_SPEED_FACTOR);
  take(options.speed_cutoff_hz, result.smoothing.speed_cutoff_hz);
  take(options.smoothing_gap_s, result.smoothing.max_gap_s, POSEKIT_TRACKER_SET_SMOOTHING_GAP_S);
  take(options.jump, result.smoothing.jump);
  return result;
}

}  // namespace

posekit_status posekit_tracker_create(const posekit_keypoint_set* set, const posekit_tracker_options* options, posekit_tracker** tracker) {
  return guard([&] {
    clear(tracker);
    require(tracker, "tracker");
    *tracker = new posekit_tracker{std::make_shared<posekit::Tracker>(require(set, "set").set, tracker_options(options))};
  });
}

posekit_status posekit_tracker_update(posekit_tracker* tracker, double time_s, const posekit_result* result, size_t image,
                                      posekit_result** tracked) {
  return guard([&] {
    clear(tracked);
    require(tracked, "tracked");
    posekit::Tracker& self = *require(tracker, "tracker").tracker;
    std::vector<posekit::Pose> poses = poses_of(result, image);
    // Room for the answer first, so that a lack of memory leaves the tracker as it was.
    std::unique_ptr<posekit_result, decltype(&posekit_result_destroy)> answer(new_result(*result, image), posekit_result_destroy);
    self.update(time_s, poses);
    replace_poses(*answer, std::move(poses));
    *tracked = answer.release();
  });
}

posekit_status posekit_tracker_predict(const posekit_tracker* tracker, double time_s, posekit_box* boxes, size_t capacity, size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    std::vector<posekit_box> found;
    for (const posekit::Box& box : require(tracker, "tracker").tracker->predict(time_s)) found.push_back(c_box(box));
    copy_out<posekit_box>(found, boxes, capacity, "boxes");
    *count = found.size();
  });
}

posekit_status posekit_tracker_reset(posekit_tracker* tracker) {
  return guard([&] { require(tracker, "tracker").tracker->reset(); });
}

posekit_status posekit_tracker_save(const posekit_tracker* tracker, char** json) {
  return guard([&] {
    clear(json);
    require(json, "json");
    *json = new_string(require(tracker, "tracker").tracker->save());
  });
}

posekit_status posekit_tracker_restore(posekit_tracker* tracker, const char* json) {
  return guard([&] { require(tracker, "tracker").tracker->restore(&require(json, "json")); });
}

void posekit_tracker_destroy(posekit_tracker* tracker) { delete tracker; }
