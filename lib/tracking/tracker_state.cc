/// A tracker's state as JSON: written so that it reads back bit by bit, read as if an enemy had written it.
#include "tracking/tracker_state.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/strict_json.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

using Json = nlohmann::json;

constexpr std::string_view format = "posekit-tracker/1";
constexpr std::size_t most_bytes = std::size_t{64} << 20;
constexpr std::size_t most_tracks = 4096;
constexpr double most_pixels = 4 * farthest_pixel;  // what filters make of places that are allowed
constexpr double fastest = 1e18;                    // pixels a second
constexpr double most_variance = 1e30;
constexpr std::int64_t last_id = std::int64_t{1} << 53;  // every reader of JSON knows integers up to here
constexpr std::size_t motion_numbers = 14;
constexpr std::size_t point_numbers = 8;

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::invalid_argument, "tracker state: " + message); }

std::string text_of(const MovingAxis& axis) {
  return fmt::format("{}, {}, {}, {}, {}", axis.position, axis.velocity, axis.variance, axis.covariance, axis.velocity_variance);
}

std::string text_of(const BoxMotion& motion) {
  return fmt::format("[{}, {}, {}, {}, {}, {}]", text_of(motion.x), text_of(motion.y), motion.width.length, motion.width.variance,
                     motion.height.length, motion.height.variance);
}

std::string text_of(const PointFilter& point) {
  if (!point.seen) return "null";
  return fmt::format("[{}, {}, {}, {}, {}, {}, {}, {}]", point.time_s, point.raw.x, point.raw.y, point.smooth.x, point.smooth.y,
                     point.velocity.x, point.velocity.y, point.comparable ? 1 : 0);
}

std::string text_of(const Track& track) {
  std::string text = fmt::format(R"({{"id": {}, "first_seen_s": {}, "last_seen_s": {}, "score": {}, "motion": {}, "points": [)", track.id,
                                 track.first_seen_s, track.last_seen_s, track.score, text_of(track.motion));
  for (std::size_t i = 0; i < track.points.size(); ++i) text += (i == 0 ? "" : ", ") + text_of(track.points[i]);
  return text + "]}";
}

/// A value and the path by which messages name it.
struct Place {
  const Json& value;
  std::string path;

  [[nodiscard]] Place operator[](const char* key) const {
    const auto found = value.find(key);
    if (found == value.end()) fail(fmt::format("\"{}{}\" is missing: pass what Tracker::save returned", prefix(), key));
    return {*found, prefix() + key};
  }
  [[nodiscard]] Place at(std::size_t index) const { return {value[index], fmt::format("{}[{}]", path, index)}; }

  [[noreturn]] void refuse(const std::string& expected) const {
    fail(fmt::format("\"{}\" is {}, {} is expected", path, shown(value), expected));
  }
  void expect_object(std::size_t keys) const {
    if (!value.is_object() || value.size() != keys) refuse(fmt::format("an object of {} keys", keys));
  }
  void expect_array(std::size_t count) const {
    if (!value.is_array() || value.size() != count) refuse(fmt::format("an array of {} entries", count));
  }
  [[nodiscard]] double number(double least, double most) const {
    if (!value.is_number()) refuse("a number");
    const double number = value.get<double>();
    if (!(number >= least && number <= most)) refuse(fmt::format("a number from {} to {}", least, most));
    return number;
  }
  [[nodiscard]] std::int64_t integer(std::int64_t least, std::int64_t most) const {
    if (!value.is_number_integer() || value < least || value > most) refuse(fmt::format("a whole number from {} to {}", least, most));
    return value.get<std::int64_t>();
  }

 private:
  [[nodiscard]] std::string prefix() const { return path.empty() ? path : path + "."; }
};

MovingAxis read_axis(const Place& list, std::size_t first) {
  const MovingAxis axis{list.at(first).number(-most_pixels, most_pixels), list.at(first + 1).number(-fastest, fastest),
                        list.at(first + 2).number(0, most_variance), list.at(first + 3).number(-most_variance, most_variance),
                        list.at(first + 4).number(0, most_variance)};
  // Rounding may leave the matrix a little outside what a covariance can be; more is not a filter's.
  if (axis.covariance * axis.covariance > 1.001 * axis.variance * axis.velocity_variance)
    list.at(first + 3).refuse("a covariance that fits its variances");
  return axis;
}

DriftingLength read_length(const Place& list, std::size_t first) {
  const DriftingLength length{list.at(first).number(0, most_pixels), list.at(first + 1).number(0, most_variance)};
  if (!(length.length > 0)) list.at(first).refuse("a number > 0");
  return length;
}

BoxMotion read_motion(const Place& list) {
  list.expect_array(motion_numbers);
  return {read_axis(list, 0), read_axis(list, 5), read_length(list, 10), read_length(list, 12)};
}

PointFilter read_point(const Place& place, double last_seen_s) {
  if (place.value.is_null()) return {};
  place.expect_array(point_numbers);
  const auto pixel = [&](std::size_t i) { return place.at(i).number(-farthest_pixel, farthest_pixel); };
  return {.time_s = place.at(0).number(-farthest_second, last_seen_s),
          .raw = {pixel(1), pixel(2)},
          .smooth = {pixel(3), pixel(4)},
          .velocity = {place.at(5).number(-fastest, fastest), place.at(6).number(-fastest, fastest)},
          .seen = true,
          .comparable = place.at(7).integer(0, 1) == 1};
}

Track read_track(const Place& place, double time_s, std::int64_t next_id, std::size_t keypoints) {
  place.expect_object(6);
  Track track;
  track.id = place["id"].integer(0, next_id - 1);
  track.last_seen_s = place["last_seen_s"].number(-farthest_second, time_s);
  track.first_seen_s = place["first_seen_s"].number(-farthest_second, track.last_seen_s);
  track.score = static_cast<float>(place["score"].number(-3e38, 3e38));
  track.motion = read_motion(place["motion"]);
  const Place points = place["points"];
  points.expect_array(keypoints);
  for (std::size_t i = 0; i < keypoints; ++i) track.points.push_back(read_point(points.at(i), track.last_seen_s));
  return track;
}

void expect_own_ids(const TrackerState& state) {
  for (std::size_t i = 0; i < state.tracks.size(); ++i) {
    for (std::size_t j = 0; j < i && state.tracks[i].id != 0; ++j) {
      if (state.tracks[i].id == state.tracks[j].id)
        fail(fmt::format("\"tracks[{}].id\" is {}, which is also the id of tracks[{}]: unique ids are expected", i, state.tracks[i].id, j));
    }
  }
}

}  // namespace

std::string to_json(const TrackerState& state, std::size_t keypoints) {
  std::string text = fmt::format(R"({{"format": "{}", "keypoints": {}, "time_s": {}, "next_id": {}, "tracks": [)", format, keypoints,
                                 state.time_s ? fmt::format("{}", *state.time_s) : "null", state.next_id);
  for (std::size_t i = 0; i < state.tracks.size(); ++i) text += (i == 0 ? "" : ", ") + text_of(state.tracks[i]);
  return text + "]}";
}

TrackerState parse_tracker_state(std::string_view json, std::size_t keypoints) {
  const ParsedJson parsed = parse_strict_json(json, most_bytes);
  if (!parsed.problem.empty()) fail("the document " + parsed.problem);
  const Place root{parsed.value, ""};
  if (!parsed.value.is_object()) fail(fmt::format("the document is {}, an object is expected", shown(parsed.value)));
  if (root["format"].value != format) root["format"].refuse(fmt::format("\"{}\"", format));
  if (root["keypoints"].value != keypoints) root["keypoints"].refuse(fmt::format("{}, the number of this tracker's keypoints,", keypoints));

  TrackerState state;
  if (!root["time_s"].value.is_null()) state.time_s = root["time_s"].number(-farthest_second, farthest_second);
  state.next_id = root["next_id"].integer(1, last_id);
  const Place tracks = root["tracks"];
  if (!tracks.value.is_array() || tracks.value.size() > (state.time_s ? most_tracks : 0)) {
    tracks.refuse(state.time_s ? fmt::format("an array of at most {} entries", most_tracks) : "an empty array beside a \"time_s\" of null");
  }
  for (std::size_t i = 0; i < tracks.value.size(); ++i)
    state.tracks.push_back(read_track(tracks.at(i), *state.time_s, state.next_id, keypoints));
  if (parsed.value.size() != 5)
    fail(fmt::format("the document has {} keys, 5 are expected: pass what Tracker::save returned", parsed.value.size()));
  expect_own_ids(state);
  return state;
}

}  // namespace posekit::inline v0
