/// The Kalman filter of a box, held against the textbook's matrices.
#include <algorithm>
#include <array>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "tracking/box_motion.h"

using namespace posekit;
using Catch::Approx;

namespace {

using Matrix = std::array<std::array<double, 2>, 2>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c{};
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 2; ++j) c[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j];
  }
  return c;
}

}  // namespace

TEST_CASE("A prediction is F P F' + Q and a correction the Joseph form, as in textbooks") {
  BoxMotion motion = start_motion({100, 100, 200, 300});
  motion = predict(motion, 0.1);
  correct(motion, Box{105, 100, 205, 300});
  const MovingAxis before = motion.x;
  const double size = size_of(motion);
  const double t = 0.37;

  const MovingAxis after = predict(motion, t).x;
  const Matrix p{{{before.variance, before.covariance}, {before.covariance, before.velocity_variance}}};
  const Matrix f{{{1, t}, {0, 1}}};
  const Matrix f_transposed{{{1, 0}, {t, 1}}};
  Matrix q = product(product(f, p), f_transposed);
  const double density = 1 * size * size;  // sizes^2 / s^3, as documented in docs/tracking.md
  q[0][0] += density * t * t * t / 3;
  q[0][1] += density * t * t / 2;
  q[1][0] = q[0][1];
  q[1][1] += density * t;
  CHECK(after.position == Approx(before.position + t * before.velocity));
  CHECK(after.variance == Approx(q[0][0]));
  CHECK(after.covariance == Approx(q[0][1]));
  CHECK(after.velocity_variance == Approx(q[1][1]));

  BoxMotion corrected = predict(motion, t);
  correct(corrected, Point{12, 0});
  const double noise = 0.04 * 0.04 * size_of(predict(motion, t)) * size_of(predict(motion, t));
  const std::array<double, 2> gain{q[0][0] / (q[0][0] + noise), q[0][1] / (q[0][0] + noise)};
  const Matrix rest{{{1 - gain[0], 0}, {-gain[1], 1}}};
  const Matrix rest_transposed{{{1 - gain[0], -gain[1]}, {0, 1}}};
  Matrix joseph = product(product(rest, q), rest_transposed);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 2; ++j) joseph[i][j] += gain[i] * gain[j] * noise;
  }
  CHECK(corrected.x.position == Approx(after.position + gain[0] * 12));
  CHECK(corrected.x.velocity == Approx(after.velocity + gain[1] * 12));
  CHECK(corrected.x.variance == Approx(joseph[0][0]));
  CHECK(corrected.x.covariance == Approx(joseph[0][1]));
  CHECK(corrected.x.velocity_variance == Approx(joseph[1][1]));
}

TEST_CASE("One long prediction equals many short ones") {
  BoxMotion motion = start_motion({0, 0, 80, 200});
  correct(motion, Box{4, 0, 84, 200});
  BoxMotion steps = motion;
  for (int i = 0; i < 10; ++i) steps = predict(steps, 0.05);
  const BoxMotion once = predict(motion, 0.5);
  CHECK(steps.x.position == Approx(once.x.position));
  CHECK(steps.x.variance == Approx(once.x.variance));
  CHECK(steps.x.covariance == Approx(once.x.covariance));
  CHECK(steps.x.velocity_variance == Approx(once.x.velocity_variance));
  CHECK(steps.width.variance == Approx(once.width.variance));
}

TEST_CASE("The filter learns a constant velocity at any frame rate") {
  for (const double fps : {10.0, 30.0, 60.0}) {
    BoxMotion motion = start_motion({0, 0, 80, 200});
    for (int i = 1; i <= static_cast<int>(2 * fps); ++i) {
      motion = predict(motion, 1 / fps);
      const double x = 150 * i / fps;
      correct(motion, Box{x, 0, x + 80, 200});
    }
    CHECK(motion.x.velocity == Approx(150).epsilon(0.02));
  }
}
