/// The Kalman filter of a box.
#include "tracking/box_motion.h"

#include <algorithm>
#include <cmath>

namespace posekit::inline v0 {
namespace {

// In sizes and seconds. A size is about a metre of a person who stands.
constexpr double position_noise = 0.04;      // of a detected centre, standard deviation
constexpr double side_noise = 0.08;          // of a detected side
constexpr double first_speed = 1.5;          // of somebody seen once: walking
constexpr double acceleration_density = 1;   // of the white noise, sizes^2 / s^3: 1.4 m/s^2 for half a second
constexpr double side_drift_density = 0.05;  // sizes^2 / s

double square(double value) { return value * value; }

MovingAxis start(double position, double size) { return {position, 0, square(position_noise * size), 0, square(first_speed * size)}; }

MovingAxis predict(const MovingAxis& axis, double t, double size) {
  const double density = acceleration_density * square(size);
  return {axis.position + t * axis.velocity, axis.velocity,
          axis.variance + 2 * t * axis.covariance + t * t * axis.velocity_variance + density * t * t * t / 3,
          axis.covariance + t * axis.velocity_variance + density * t * t / 2, axis.velocity_variance + density * t};
}

void correct(MovingAxis& axis, double shift, double noise) {
  const double gain = axis.variance / (axis.variance + noise);
  const double velocity_gain = axis.covariance / (axis.variance + noise);
  axis.position += gain * shift;
  axis.velocity += velocity_gain * shift;
  axis.velocity_variance -= velocity_gain * axis.covariance;
  axis.covariance -= gain * axis.covariance;
  axis.variance -= gain * axis.variance;
}

void correct(DriftingLength& side, double seen, double noise) {
  const double gain = side.variance / (side.variance + noise);
  side.length += gain * (seen - side.length);
  side.variance -= gain * side.variance;
}

}  // namespace

double size_of(const BoxMotion& motion) noexcept { return std::max(1.0, std::sqrt(motion.width.length * motion.height.length)); }

Box box_of(const BoxMotion& motion, float score) noexcept {
  const double x = motion.x.position;
  const double y = motion.y.position;
  const double half_width = motion.width.length / 2;
  const double half_height = motion.height.length / 2;
  return {x - half_width, y - half_height, x + half_width, y + half_height, score};
}

BoxMotion start_motion(const Box& seen) noexcept {
  BoxMotion motion{.x = {}, .y = {}, .width = {seen.x2 - seen.x1, 0}, .height = {seen.y2 - seen.y1, 0}};
  const double size = size_of(motion);
  motion.x = start((seen.x1 + seen.x2) / 2, size);
  motion.y = start((seen.y1 + seen.y2) / 2, size);
  motion.width.variance = motion.height.variance = square(side_noise * size);
  return motion;
}

BoxMotion predict(const BoxMotion& motion, double seconds) noexcept {
  const double size = size_of(motion);
  const double drift = side_drift_density * square(size) * seconds;
  return {predict(motion.x, seconds, size),
          predict(motion.y, seconds, size),
          {motion.width.length, motion.width.variance + drift},
          {motion.height.length, motion.height.variance + drift}};
}

void correct(BoxMotion& motion, const Box& seen) noexcept {
  correct(motion, Point{(seen.x1 + seen.x2) / 2 - motion.x.position, (seen.y1 + seen.y2) / 2 - motion.y.position});
  const double noise = square(side_noise * size_of(motion));
  correct(motion.width, seen.x2 - seen.x1, noise);
  correct(motion.height, seen.y2 - seen.y1, noise);
}

void correct(BoxMotion& motion, Point shift) noexcept {
  const double noise = square(position_noise * size_of(motion));
  correct(motion.x, shift.x, noise);
  correct(motion.y, shift.y, noise);
}

}  // namespace posekit::inline v0
