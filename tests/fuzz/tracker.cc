/// Fuzz target: a tracker's calls with any number in them, and states that nobody vouches for. What a refused call leaves is checked too.
#include "posekit/tracker.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "fuzz/bytes.h"
#include "posekit/error.h"

namespace {

using namespace posekit;

class Input : public posekit_test::Bytes {
 public:
  using Bytes::Bytes;
  /// Mostly a place in a picture, now and then anything: NaN, infinities, the largest there is.
  double number() {
    const std::uint8_t kind = byte();
    if (kind < 240) return kind * 4.0 + byte() / 64.0;
    const std::uint64_t bits = word();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
};

Pose pose_of(Input& input, std::size_t keypoints) {
  Pose pose;
  pose.box = {input.number(), input.number(), 0, 0, input.byte() < 250 ? 0.9F : static_cast<float>(input.number())};
  pose.box.x2 = input.byte() < 250 ? pose.box.x1 + 80 : input.number();
  pose.box.y2 = input.byte() < 250 ? pose.box.y1 + 200 : input.number();
  const std::size_t count = input.byte() < 250 ? keypoints : input.byte();
  for (std::size_t k = 0; k < count; ++k) {
    pose.keypoints.push_back({static_cast<float>(input.number()), static_cast<float>(input.number()),
                              input.byte() < 250 ? 0.9F : static_cast<float>(input.number())});
  }
  return pose;
}

void update(Tracker& tracker, double time_s, std::vector<Pose>& poses) {
  const std::string before = tracker.save();
  const std::vector<Pose> given = poses;
  try {
    tracker.update(time_s, poses);
  } catch (const Error&) {
    if (tracker.save() != before || poses.size() != given.size()) std::abort();
    return;
  }
  std::set<std::int64_t> ids;
  for (std::size_t i = 0; i < poses.size(); ++i) {
    if (poses[i].track_id && (*poses[i].track_id < 1 || !ids.insert(*poses[i].track_id).second)) std::abort();
    for (std::size_t k = 0; k < poses[i].keypoints.size(); ++k) {
      if (std::isfinite(given[i].keypoints[k].x) != std::isfinite(poses[i].keypoints[k].x)) std::abort();
    }
  }
  for (const Box& box : tracker.predict(time_s)) {
    if (!is_valid(box)) std::abort();
  }
}

void restore(Tracker& tracker, const std::string& text) {
  const std::string before = tracker.save();
  try {
    tracker.restore(text);
  } catch (const Error&) {
    if (tracker.save() != before) std::abort();
    return;
  }
  // What is accepted can be saved, read again and used.
  const std::string saved = tracker.save();
  tracker.restore(saved);
  if (tracker.save() != saved) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  KeypointSet set;
  set.name = "three";
  for (const char* name : {"a", "b", "c"}) set.keypoints.push_back({name, {}});
  Tracker tracker(set);
  double time_s = 0;
  if (size > 0 && data[0] == '{') {
    restore(tracker, std::string(reinterpret_cast<const char*>(data), size));
    std::vector<Pose> poses{
        {.box = {10, 10, 90, 210, 1}, .box_index = 0, .keypoints = {{20, 20, 1}, {30, 30, 1}, {40, 40, 1}}, .track_id = {}}};
    update(tracker, 1e8, poses);
    return 0;
  }
  Input input(data, size);
  for (int frame = 0; frame < 30 && !input.empty(); ++frame) {
    std::vector<Pose> poses;
    for (int count = input.byte() % 5; count > 0; --count) poses.push_back(pose_of(input, set.size()));
    time_s = input.byte() < 240 ? time_s + 0.03 : input.number();
    try {
      for (const Box& box : tracker.predict(time_s)) {
        if (input.byte() % 2 == 0) continue;
        poses.push_back(pose_of(input, set.size()));
        poses.back().box = box;
      }
    } catch (const Error&) {
    }
    update(tracker, time_s, poses);
  }
  return 0;
}
