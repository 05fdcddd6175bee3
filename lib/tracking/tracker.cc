/// The tracker: association, birth and death. An update first associates, then makes room, then changes; only what can't fail changes
/// anything.
#include "posekit/tracker.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "posekit/error.h"
#include "tracking/assignment.h"
#include "tracking/similarity.h"
#include "tracking/tracker_state.h"

namespace posekit::inline v0 {
namespace {

constexpr std::size_t none = Assignment::none;

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::invalid_argument, message); }

void expect(double value, const char* name, double least, double most) {
  if (!(value >= least && value <= most))
    fail(fmt::format("tracker option {} is {}, a number from {} to {} is expected", name, value, least, most));
}

void check(const TrackerOptions& options) {
  constexpr double most = 1e6;
  expect(options.low_score, "low_score", -most, most);
  expect(options.high_score, "high_score", options.low_score, most);
  expect(options.new_score, "new_score", options.high_score, most);
  expect(options.keypoint_score, "keypoint_score", -most, most);
  expect(options.oks_weight, "oks_weight", 0, 1);
  expect(options.min_similarity, "min_similarity", 0, 1);
  expect(options.birth_s, "birth_s", 0, 3600);
  expect(options.max_gap_s, "max_gap_s", 0, 3600);
  expect(options.smoothing.min_cutoff_hz, "smoothing.min_cutoff_hz", 1e-6, most);
  expect(options.smoothing.speed_factor, "smoothing.speed_factor", 0, most);
  expect(options.smoothing.speed_cutoff_hz, "smoothing.speed_cutoff_hz", 1e-6, most);
  expect(options.smoothing.max_gap_s, "smoothing.max_gap_s", 0, 3600);
  expect(options.smoothing.jump, "smoothing.jump", 1e-6, most);
}

bool within_reach(const Box& box) {
  return std::min(box.x1, box.y1) >= -farthest_pixel && std::max(box.x2, box.y2) <= farthest_pixel && std::isfinite(box.score);
}

/// The middle value; the order of `values` changes.
double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

class Tracker::Impl {
 public:
  Impl(const KeypointSet& keypoints, TrackerOptions options) : options_(options), alike_(keypoints, options) { check(options_); }
  std::size_t keypoint_count() const noexcept { return alike_.keypoint_count(); }

  void update(double time_s, std::vector<Pose>& poses);
  std::vector<Box> predict(double time_s) const;
  void reset() noexcept { state_ = {}; }
  std::string save() const { return to_json(state_, alike_.keypoint_count()); }
  void restore(std::string_view text) { state_ = parse_tracker_state(text, alike_.keypoint_count()); }

 private:
  void check_input(double time_s, const std::vector<Pose>& poses) const;
  [[nodiscard]] bool just_seen(const Track& track) const { return track.last_seen_s == *state_.time_s; }
  [[nodiscard]] bool remembered(const Track& track, double time_s) const { return time_s - track.last_seen_s <= options_.max_gap_s; }

  void associate(double time_s, const std::vector<Pose>& poses);
  void match_propagated(const std::vector<Pose>& poses);
  template <class TrackFilter, class PoseFilter>
  void match(const std::vector<Pose>& poses, TrackFilter which_tracks, PoseFilter which_poses);
  void make_room(const std::vector<Pose>& poses);
  [[nodiscard]] bool is_new(const Pose& pose, std::size_t index) const {
    return track_of_[index] == none && !propagated_[index] && pose.box.score >= options_.new_score;
  }

  void update_track(std::size_t index, double time_s, Pose& pose, bool propagated) noexcept;
  void begin(double time_s, Pose& pose, bool first_frame) noexcept;
  void feed(Track& track, double time_s, Pose& pose) noexcept;
  void remove_lost(std::size_t known, double time_s) noexcept;
  Point shift_of(const Track& track, const Expectation& expected, const Pose& pose, double* distance) noexcept;

  TrackerOptions options_;
  Similarity alike_;
  TrackerState state_;

  // Scratch of one update, kept for the next.
  std::vector<BoxMotion> motions_;     // of each track, now
  std::vector<Expectation> expected_;  // of each track
  std::vector<std::size_t> track_of_;  // of each pose
  std::vector<char> propagated_;       // whether a pose's box is one of predict()'s
  std::vector<char> matched_;          // whether a track has found its pose
  std::vector<std::size_t> rows_, columns_;
  std::array<std::vector<double>, 3> offsets_;
  std::vector<Track> spare_;  // room for who is born
  Assignment assignment_;
};

void Tracker::Impl::check_input(double time_s, const std::vector<Pose>& poses) const {
  if (!(std::abs(time_s) <= farthest_second))
    fail(fmt::format("time {} s: a finite number of seconds within 1e9 of 0 is expected", time_s));
  if (state_.time_s && !(time_s > *state_.time_s)) {
    fail(fmt::format(
        "time {} s is not after {} s, the time of the last update: pass frames in order, each once, or call reset() for a new stream",
        time_s, *state_.time_s));
  }
  for (std::size_t i = 0; i < poses.size(); ++i) {
    const Box& box = poses[i].box;
    if (!is_valid(box) || !within_reach(box)) {
      fail(fmt::format(
          "pose {} has the box ({}, {}, {}, {}) of score {}: finite x1, y1, x2, y2 within 1e8 pixels with x2 > x1 and y2 > y1 and a "
          "finite score are expected: leave such poses out",
          i, box.x1, box.y1, box.x2, box.y2, box.score));
    }
    if (poses[i].keypoints.size() != alike_.keypoint_count()) {
      fail(fmt::format("pose {} has {} keypoints, the tracker's set has {}: make the tracker with the estimator's keypoints()", i,
                       poses[i].keypoints.size(), alike_.keypoint_count()));
    }
  }
}

void Tracker::Impl::update(double time_s, std::vector<Pose>& poses) {
  check_input(time_s, poses);
  associate(time_s, poses);
  make_room(poses);

  const std::size_t known = state_.tracks.size();
  const bool first_frame = !state_.time_s;
  for (std::size_t i = 0; i < poses.size(); ++i) {
    poses[i].track_id.reset();
    if (track_of_[i] != none) {
      update_track(track_of_[i], time_s, poses[i], propagated_[i] != 0);
    } else if (is_new(poses[i], i)) {
      begin(time_s, poses[i], first_frame);
    }
  }
  remove_lost(known, time_s);
  state_.time_s = time_s;
}

/// Who is who: fills track_of_, and changes nothing that outlives the update.
void Tracker::Impl::associate(double time_s, const std::vector<Pose>& poses) {
  const std::vector<Track>& tracks = state_.tracks;
  motions_.clear();
  expected_.clear();
  for (const Track& track : tracks) {
    // Who is forgotten is not compared; its prediction could be beyond all numbers.
    const BoxMotion now = remembered(track, time_s) ? posekit::predict(track.motion, time_s - track.last_seen_s) : track.motion;
    motions_.push_back(now);
    expected_.push_back(
        {box_of(now, track.score), {now.x.position - track.motion.x.position, now.y.position - track.motion.y.position}, size_of(now)});
  }
  track_of_.assign(poses.size(), none);
  propagated_.assign(poses.size(), 0);
  matched_.assign(tracks.size(), 0);
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (!remembered(tracks[i], time_s)) matched_[i] = 1;
  }
  if (tracks.empty()) return;
  match_propagated(poses);
  const auto high = [&](const Pose& pose) { return pose.box.score >= options_.high_score; };
  const auto low = [&](const Pose& pose) { return pose.box.score >= options_.low_score && !high(pose); };
  const auto confirmed = [](const Track& track) { return track.id != 0; };
  const auto tentative = [&](const Track& track) { return !confirmed(track); };
  match(poses, confirmed, high);
  match(poses, confirmed, low);
  match(poses, tentative, high);
}

/// Poses from boxes that predict() gave belong to the person who was expected there, if the keypoints say that somebody is. The box of one
/// who has never moved may as well be a caller's fixed one, which needs no such proof.
void Tracker::Impl::match_propagated(const std::vector<Pose>& poses) {
  for (std::size_t i = 0; i < poses.size(); ++i) {
    for (std::size_t t = 0; t < state_.tracks.size(); ++t) {
      if (matched_[t] || !just_seen(state_.tracks[t]) || !(poses[i].box == expected_[t].box)) continue;
      const auto counted = std::ranges::count_if(poses[i].keypoints, [&](const Keypoint& keypoint) { return alike_.counts(keypoint); });
      const bool somebody = 2 * static_cast<std::size_t>(counted) >= poses[i].keypoints.size();
      if (!somebody && expected_[t].moved == Point{}) continue;
      propagated_[i] = 1;
      matched_[t] = 1;
      if (somebody) track_of_[i] = t;
      break;
    }
  }
}

template <class TrackFilter, class PoseFilter>
void Tracker::Impl::match(const std::vector<Pose>& poses, TrackFilter which_tracks, PoseFilter which_poses) {
  rows_.clear();
  columns_.clear();
  for (std::size_t t = 0; t < state_.tracks.size(); ++t) {
    if (!matched_[t] && which_tracks(state_.tracks[t])) rows_.push_back(t);
  }
  for (std::size_t i = 0; i < poses.size(); ++i) {
    if (track_of_[i] == none && !propagated_[i] && which_poses(poses[i])) columns_.push_back(i);
  }
  assignment_.begin(columns_.size());
  for (const std::size_t t : rows_) {
    assignment_.add_row();
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const double similarity = alike_(state_.tracks[t], expected_[t], poses[columns_[c]]);
      if (similarity > options_.min_similarity) assignment_.add_edge(c, similarity - options_.min_similarity);
    }
  }
  const std::span<const std::size_t> column_of = assignment_.solve();
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    if (column_of[r] == none) continue;
    track_of_[columns_[column_of[r]]] = rows_[r];
    matched_[rows_[r]] = 1;
  }
}

/// All memory that the changes need.
void Tracker::Impl::make_room(const std::vector<Pose>& poses) {
  std::size_t births = 0;
  for (std::size_t i = 0; i < poses.size(); ++i) births += is_new(poses[i], i) ? 1 : 0;
  const std::size_t people = state_.tracks.size() + births;
  state_.tracks.reserve(people);
  spare_.reserve(spare_.size() + people);
  while (spare_.size() < births) {
    Track track;
    track.points.resize(alike_.keypoint_count());
    spare_.push_back(std::move(track));
  }
  for (auto& list : offsets_) list.reserve(alike_.keypoint_count());
}

/// How far from where they were expected the keypoints are: the medians in x and y, and of the distance.
Point Tracker::Impl::shift_of(const Track& track, const Expectation& expected, const Pose& pose, double* distance) noexcept {
  for (auto& list : offsets_) list.clear();
  for (std::size_t k = 0; k < pose.keypoints.size(); ++k) {
    if (!track.points[k].comparable || !alike_.counts(pose.keypoints[k])) continue;
    const double dx = static_cast<double>(pose.keypoints[k].x) - track.points[k].raw.x - expected.moved.x;
    const double dy = static_cast<double>(pose.keypoints[k].y) - track.points[k].raw.y - expected.moved.y;
    offsets_[0].push_back(dx);
    offsets_[1].push_back(dy);
    offsets_[2].push_back(std::hypot(dx, dy));
  }
  *distance = 0;
  if (offsets_[0].empty()) return {};
  *distance = median(offsets_[2]);
  return {median(offsets_[0]), median(offsets_[1])};
}

void Tracker::Impl::update_track(std::size_t index, double time_s, Pose& pose, bool propagated) noexcept {
  Track& track = state_.tracks[index];
  double distance = 0;
  const Point shift = shift_of(track, expected_[index], pose, &distance);
  const bool jumped = distance > options_.smoothing.jump * expected_[index].size;
  track.motion = motions_[index];
  if (jumped) {
    for (PointFilter& point : track.points) point = {};
  }
  if (propagated) {
    correct(track.motion, shift);
  } else if (jumped) {
    track.motion = start_motion(pose.box);
  } else {
    correct(track.motion, pose.box);
  }
  if (!propagated) track.score = pose.box.score;
  track.last_seen_s = time_s;
  if (track.id == 0 && time_s - track.first_seen_s >= options_.birth_s) track.id = state_.next_id++;
  feed(track, time_s, pose);
}

void Tracker::Impl::begin(double time_s, Pose& pose, bool first_frame) noexcept {
  Track track = std::move(spare_.back());
  spare_.pop_back();
  track.id = first_frame || options_.birth_s < 1e-9 ? state_.next_id++ : 0;
  track.first_seen_s = track.last_seen_s = time_s;
  track.score = pose.box.score;
  track.motion = start_motion(pose.box);
  std::ranges::fill(track.points, PointFilter{});
  feed(track, time_s, pose);
  state_.tracks.push_back(std::move(track));
}

void Tracker::Impl::feed(Track& track, double time_s, Pose& pose) noexcept {
  const double size = size_of(track.motion);
  for (std::size_t k = 0; k < pose.keypoints.size(); ++k) {
    Keypoint& keypoint = pose.keypoints[k];
    PointFilter& filter = track.points[k];
    filter.comparable = alike_.counts(keypoint);
    if (!is_usable(keypoint)) continue;
    const Point place =
        smooth(filter, {static_cast<double>(keypoint.x), static_cast<double>(keypoint.y)}, time_s, size, options_.smoothing);
    keypoint.x = static_cast<float>(place.x);
    keypoint.y = static_cast<float>(place.y);
  }
  if (track.id != 0) pose.track_id = track.id;
}

/// Forgets who was missed for too long, and who was missed before it had an id. The first `known` tracks could be missed.
void Tracker::Impl::remove_lost(std::size_t known, double time_s) noexcept {
  std::vector<Track>& tracks = state_.tracks;
  std::size_t kept = 0;
  for (std::size_t t = 0; t < tracks.size(); ++t) {
    const bool missed = t < known && tracks[t].last_seen_s < time_s;
    if (missed && (tracks[t].id == 0 || !remembered(tracks[t], time_s))) {
      spare_.push_back(std::move(tracks[t]));
    } else {
      if (kept != t) std::swap(tracks[kept], tracks[t]);
      ++kept;
    }
  }
  tracks.resize(kept);
}

std::vector<Box> Tracker::Impl::predict(double time_s) const {
  if (!(std::abs(time_s) <= farthest_second))
    fail(fmt::format("time {} s: a finite number of seconds within 1e9 of 0 is expected", time_s));
  std::vector<Box> boxes;
  if (!state_.time_s) return boxes;
  if (time_s < *state_.time_s)
    fail(fmt::format("time {} s is before {} s, the time of the last update: pass that time or a later one", time_s, *state_.time_s));
  for (const Track& track : state_.tracks) {
    if (!just_seen(track) || !remembered(track, time_s)) continue;
    boxes.push_back(box_of(posekit::predict(track.motion, time_s - track.last_seen_s), track.score));
  }
  return boxes;
}

Tracker::Tracker(const KeypointSet& keypoints, TrackerOptions options) : impl_(std::make_unique<Impl>(keypoints, options)) {}
Tracker::Tracker(Tracker&&) noexcept = default;
Tracker& Tracker::operator=(Tracker&&) noexcept = default;
Tracker::~Tracker() = default;

void Tracker::update(double time_s, std::vector<Pose>& poses) { impl_->update(time_s, poses); }
std::vector<Box> Tracker::predict(double time_s) const { return impl_->predict(time_s); }
std::size_t Tracker::keypoint_count() const noexcept { return impl_->keypoint_count(); }
void Tracker::reset() noexcept { impl_->reset(); }
std::string Tracker::save() const { return impl_->save(); }
void Tracker::restore(std::string_view state) { impl_->restore(state); }

}  // namespace posekit::inline v0
