/// The One-Euro filter: a low-pass whose cut-off grows with speed.
#include "tracking/one_euro.h"

#include <cmath>
#include <numbers>

namespace posekit::inline v0 {
namespace {

/// The weight of a new value after so many seconds: backward Euler's first-order low-pass.
double weight(double seconds, double cutoff_hz) { return seconds / (seconds + 1 / (2 * std::numbers::pi * cutoff_hz)); }

Point mix(Point a, Point b, double t) { return {a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t}; }

}  // namespace

Point smooth(PointFilter& filter, Point seen, double time_s, double size, const SmoothingOptions& options) noexcept {
  const double passed = time_s - filter.time_s;
  if (!options.enabled || !filter.seen || !(passed > 0) || passed > options.max_gap_s) {
    filter.smooth = seen;
    filter.velocity = {};
  } else {
    // weight * (seen - raw) / passed, written so that it stays small however little time has passed.
    const double by_time = 1 / (passed + 1 / (2 * std::numbers::pi * options.speed_cutoff_hz));
    filter.velocity.x += by_time * (seen.x - filter.raw.x - passed * filter.velocity.x);
    filter.velocity.y += by_time * (seen.y - filter.raw.y - passed * filter.velocity.y);
    const double speed = std::hypot(filter.velocity.x, filter.velocity.y) / size;
    filter.smooth = mix(filter.smooth, seen, weight(passed, options.min_cutoff_hz + options.speed_factor * speed));
  }
  filter.time_s = time_s;
  filter.raw = seen;
  filter.seen = true;
  return filter.smooth;
}

}  // namespace posekit::inline v0
