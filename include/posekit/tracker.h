/// Tracker: stable ids and smooth keypoints for many people through time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "posekit/export.h"
#include "posekit/geometry.h"
#include "posekit/keypoints.h"
#include "posekit/pose.h"

namespace posekit::inline v0 {

/// Sets the One-Euro filter that smooths each keypoint.
///
/// It works in real time: nothing here counts frames. Lengths are in sizes, so that near and far
/// people are smoothed alike: a person's size is the square root of the area of its box. The
/// cut-off frequency is min_cutoff_hz + speed_factor * speed.
///
/// The filter is from Casiez, Roussel, Vogel, "1€ Filter: A Simple Speed-based Low-pass Filter for
/// Noisy Input in Interactive Systems", CHI 2012.
struct SmoothingOptions {
  bool enabled = true;
  double min_cutoff_hz = 0.15;  ///< Cut-off at rest, Hz, > 0: lower is calmer.
  /// Hz for each size a second, >= 0: higher lags less.
  ///
  /// A moving keypoint lags by at most size / (2 pi speed_factor).
  double speed_factor = 4.5;
  double speed_cutoff_hz = 0.5;  ///< Cut-off of the speed itself, Hz, > 0.
  double max_gap_s = 0.25;       ///< A keypoint unseen for longer starts again; seconds, >= 0.
  /// A person whose keypoints (median) moved farther than expected starts again; in sizes, > 0.
  ///
  /// Such a jump is treated as a cut.
  double jump = 0.2;
};

/// Sets how people are recognised again.
///
/// Scores are those of boxes (`Box::score`), except keypoint_score. Times are in seconds.
struct TrackerOptions {
  float high_score = 0.5F;  ///< Boxes with this score or more are associated first.
  /// Boxes from here to high_score are associated second, with the people left; lower ones never.
  float low_score = 0.1F;
  float new_score = 0.5F;       ///< The least score of a new person's box; not below high_score.
  float keypoint_score = 0.3F;  ///< Keypoints below it play no part in recognising a person.
  /// 0 to 1: similarity = (1 - oks_weight) * IoU + oks_weight * OKS.
  ///
  /// It is the IoU alone where fewer than 3 keypoints can be compared.
  double oks_weight = 0.5;
  double min_similarity = 0.3;  ///< 0 to 1: what is less alike is not the same person.
  /// A new person gets an id when seen for this long without a miss; in the first frame at once.
  double birth_s = 0.05;
  /// A person unseen for longer is forgotten, and its id is never given again; at most 3600.
  double max_gap_s = 1;
  SmoothingOptions smoothing{};
};

/// Recognises people from frame to frame and smooths their keypoints: one object for one stream.
///
/// It is not thread-safe: one thread at a time may use it. A moved-from tracker may only be
/// assigned to or destroyed.
///
/// It depends on nothing but what it is given: the same calls give the same results.
///
/// Association is ByteTrack's: boxes of high score are paired with all known people, then those of
/// low score with the people left. (ByteTrack leaves out people not just seen.) ByteTrack is from
/// Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022.
/// Pairs are those of the greatest total similarity (Jonker and Volgenant, Computing 38, 1987).
///
/// A Kalman filter of constant velocity predicts where a person should be. It works in seconds,
/// however irregularly the frames come (Kalman 1960; Bewley et al., "Simple Online and Realtime
/// Tracking", ICIP 2016).
///
/// Similarity is a mean of the boxes' intersection over union and of COCO's object keypoint
/// similarity with the set's sigmas. A set without sigmas counts 0.067, the mean of COCO's 17, for
/// each keypoint.
///
/// docs/tracking.md has the rules and figures.
class POSEKIT_API Tracker {
 public:
  /// Makes a tracker that knows nobody yet.
  ///
  /// @param keypoints the set of the poses that will come
  /// @throws Error invalid_argument if an option is outside its range
  /// @throws Error invalid_argument if the set has sigmas, but not one > 0 for each keypoint
  explicit Tracker(const KeypointSet& keypoints, TrackerOptions options = {});
  Tracker(Tracker&&) noexcept;
  Tracker& operator=(Tracker&&) noexcept;
  ~Tracker();

  /// Recognises this frame's people: sets track_id and smooths keypoints in place.
  ///
  /// Ids count from 1 in order of appearance; a person without an id yet has none. Boxes, scores
  /// and the order of poses stay. Keypoints that are not finite, or whose score is not > 0, pass
  /// unchanged and leave the filter as it was. No poses are an answer too: nobody was seen.
  ///
  /// A pose whose box is exactly one that predict(time_s) gives counts as carried. Its keypoints
  /// then say where the person moved. If most of them are below keypoint_score, the person was not
  /// seen.
  ///
  /// After an exception the tracker and the poses are as they were.
  ///
  /// @param time_s the frame's time in seconds, greater than the last call's; any origin, at most
  ///     1e9 from 0
  /// @param poses of keypoints.size() keypoints each, in image pixels, from one frame
  /// @throws Error invalid_argument if the time is not finite, not later than the last, or too far
  ///     off
  /// @throws Error invalid_argument if a pose has another number of keypoints
  /// @throws Error invalid_argument if a box is not valid, is beyond 1e8 pixels, or its score is
  ///     not finite
  /// @throws std::bad_alloc
  void update(double time_s, std::vector<Pose>& poses);

  /// Predicts where the people of the last update should be, for a frame on which no detector runs.
  ///
  /// A person whom the last update missed, or who was last seen more than max_gap_s before, has no
  /// box.
  ///
  /// @param time_s seconds, not before the last update
  /// @return boxes in order of appearance, with the scores they were last found with
  /// @throws Error invalid_argument if the time is not finite, too far off, or before the last
  ///     update
  [[nodiscard]] std::vector<Box> predict(double time_s) const;

  /// Forgets everybody: the next update may have any time, and ids begin at 1 again.
  void reset() noexcept;

  /// Returns how many keypoints its set has.
  [[nodiscard]] std::size_t keypoint_count() const noexcept;

  /// Returns what the tracker knows, as a JSON document of format posekit-tracker/1.
  ///
  /// The document is without the set and the options.
  [[nodiscard]] std::string save() const;

  /// Goes on where the saved tracker was.
  ///
  /// Later results are bit-equal if the set and the options are the same. After an exception the
  /// tracker is as it was.
  ///
  /// @param state what save() gave; read strictly, so it may come from anywhere
  /// @throws Error invalid_argument that names the key, what was found and what is allowed, also
  ///     for another number of keypoints
  void restore(std::string_view state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
