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

/// The One-Euro filter of each keypoint (Casiez, Roussel, Vogel, "1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
/// Interactive Systems", CHI 2012), in real time: nothing here counts frames. Lengths are in sizes: a person's size is the square root of
/// the area of its box, so that near and far people are smoothed alike. The cut-off frequency is min_cutoff_hz + speed_factor * speed.
struct SmoothingOptions {
  bool enabled = true;
  double min_cutoff_hz = 0.15;  ///< Cut-off at rest, Hz, > 0: lower is calmer.
  double speed_factor =
      4.5;  ///< Hz for each size a second, >= 0: higher lags less. A moving keypoint lags by at most size / (2 pi factor).
  double speed_cutoff_hz = 0.5;  ///< Cut-off of the speed itself, Hz, > 0.
  double max_gap_s = 0.25;       ///< A keypoint unseen for longer starts anew, seconds, >= 0.
  double jump = 0.2;             ///< A person whose keypoints moved farther than expected, in sizes (median), starts anew: a cut. > 0
};

/// How people are recognised again. Scores are those of boxes (`Box::score`); times are in seconds.
struct TrackerOptions {
  float high_score = 0.5F;      ///< Boxes from here on are associated first.
  float low_score = 0.1F;       ///< Boxes from here to high_score are associated second, with who is left; below: never.
  float new_score = 0.5F;       ///< A new person's box must have this much; not below high_score.
  float keypoint_score = 0.3F;  ///< Keypoints below play no part in recognising a person.
  double oks_weight = 0.5;      ///< 0 to 1: similarity = (1 - weight) * IoU + weight * OKS; IoU alone where < 3 keypoints can be compared.
  double min_similarity = 0.3;  ///< 0 to 1: what is less alike is not the same person.
  double birth_s = 0.05;        ///< A new person gets an id when seen for this long without a miss; in the first frame at once.
  double max_gap_s = 1;         ///< A person unseen for longer is forgotten; its id is never given again. At most 3600.
  SmoothingOptions smoothing{};
};

/// Recognises people from frame to frame and smooths their keypoints: one object for one stream. Not thread-safe: one thread at a time.
/// It draws on nothing but what it is given: the same calls give the same results.
///
/// Association is ByteTrack's (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022): boxes of
/// high score with all known people, then those of low score with those left (ByteTrack leaves out people not just seen). Where a person
/// should be tells a Kalman filter of constant velocity in seconds, however irregular they come (Kalman 1960; Bewley et al., "Simple Online
/// and Realtime Tracking", ICIP 2016). How alike two are is a mean of the boxes' intersection over union and of COCO's object keypoint
/// similarity with the set's sigmas; a set without sigmas counts 0.067, the mean of COCO's 17, for each keypoint. Pairs are those of the
/// greatest total similarity (Jonker and Volgenant, Computing 38, 1987). docs/tracking.md has the rules and figures.
class POSEKIT_API Tracker {
 public:
  /// @param keypoints the set of the poses that will come
  /// @throws Error invalid_argument if an option is outside its range, or the set's sigmas are not as many as its keypoints or not > 0
  explicit Tracker(const KeypointSet& keypoints, TrackerOptions options = {});
  Tracker(Tracker&&) noexcept;
  Tracker& operator=(Tracker&&) noexcept;
  ~Tracker();

  /// Recognises this frame's people: sets track_id (ids from 1, in order of appearance; none for who has no id yet) and smooths keypoints
  /// in place. Boxes, scores and the order of poses stay. Keypoints that are not finite, or have a score that is not > 0, pass unchanged
  /// and leave the filter as it was. No pose is an answer too: nobody was seen.
  ///
  /// A pose whose box is exactly one that predict(time_s) gives counts as carried: where the person moved then tell its keypoints, and if
  /// most of them are below keypoint_score it was not seen.
  /// @param time_s the frame's time in seconds, greater than the last call's; any origin, at most 1e9 from 0
  /// @param poses of keypoints.size() keypoints each, in image pixels, from one frame
  /// @throws Error invalid_argument for a time that is not finite, not later than the last or too far off, and for a pose with another
  ///   number of keypoints or a box that is not valid, lies beyond 1e8 pixels or has a score that is not finite; std::bad_alloc. Tracker
  ///   and poses are then as they were.
  void update(double time_s, std::vector<Pose>& poses);

  /// Where the people of the last update should be: boxes for a frame on which no detector runs, with the scores they were last found with,
  /// in order of appearance. Who was missed by the last update, or last seen more than max_gap_s before, has none.
  /// @param time_s seconds, not before the last update
  /// @throws Error invalid_argument for a time that is not finite or before the last update
  [[nodiscard]] std::vector<Box> predict(double time_s) const;

  /// Forgets everybody: the next update may have any time, and ids begin at 1 again.
  void reset() noexcept;

  /// How many keypoints its set has.
  [[nodiscard]] std::size_t keypoint_count() const noexcept;

  /// What the tracker knows, as a JSON document of format posekit-tracker/1: without set and options.
  [[nodiscard]] std::string save() const;

  /// Goes on where the saved tracker was: later results are bit-equal if set and options are the same.
  /// @param state what save() gave; read strictly, so that it may come from anywhere
  /// @throws Error invalid_argument that names the key, what was found and what is allowed, also where the number of keypoints is another;
  ///   the tracker is then as it was
  void restore(std::string_view state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
