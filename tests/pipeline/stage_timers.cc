/// What a pipeline measures of itself.
#include "pipeline/stage_timers.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace posekit;
using namespace std::chrono_literals;
using Catch::Approx;

TEST_CASE("TimeWindow: the mean is over all, the quantiles are over the last 1024") {
  TimeWindow window;
  CHECK(window.stats().count == 0);
  window.add(5ms);
  CHECK(window.stats().mean.count() == 5);
  CHECK(window.stats().p50.count() == 5);
  CHECK(window.stats().p99.count() == 5);
  for (int i = 1; i < 1000; ++i) window.add(1s);
  for (int i = 1; i <= 1024; ++i) window.add(Milliseconds(i));
  const TimeStats stats = window.stats();
  CHECK(stats.count == 2024);
  CHECK(stats.mean.count() == Approx((5 + 999 * 1000.0 + 1024 * 1025 / 2.0) / 2024));
  CHECK(stats.p50.count() == 512);
  CHECK(stats.p99.count() == 1014);
}

TEST_CASE("RateWindow: events a second over the last 1024") {
  RateWindow window;
  const std::chrono::steady_clock::time_point start{};
  CHECK(window.per_second() == 0);
  window.add(start);
  CHECK(window.per_second() == 0);
  window.add(start + 100ms);
  CHECK(window.per_second() == Approx(10));
  for (int i = 0; i < 1024; ++i) window.add(start + 1h + i * 1ms);
  CHECK(window.per_second() == Approx(1000));
}
