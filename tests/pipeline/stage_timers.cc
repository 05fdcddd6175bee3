/// What a pipeline measures of itself.
#include "pipeline/stage_timers.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace posekit;
using namespace std::chrono_literals;
using Catch::Approx;

TEST_CASE("TimeMeter: the mean is over all, the quantiles are over the last 1024") {
  TimeMeter meter;
  CHECK(meter.stats().count == 0);
  meter.add(5ms);
  CHECK(meter.stats().mean.count() == 5);
  CHECK(meter.stats().p50.count() == 5);
  CHECK(meter.stats().p99.count() == 5);
  for (int i = 1; i < 1000; ++i) meter.add(1s);
  for (int i = 1; i <= 1024; ++i) meter.add(Milliseconds(i));
  const TimeStats stats = meter.stats();
  CHECK(stats.count == 2024);
  CHECK(stats.mean.count() == Approx((5 + 999 * 1000.0 + 1024 * 1025 / 2.0) / 2024));
  CHECK(stats.p50.count() == 512);
  CHECK(stats.p99.count() == 1014);
}

TEST_CASE("RateMeter: events a second over the last 1024") {
  RateMeter meter;
  const std::chrono::steady_clock::time_point start{};
  CHECK(meter.per_second() == 0);
  meter.add(start);
  CHECK(meter.per_second() == 0);
  meter.add(start + 100ms);
  CHECK(meter.per_second() == Approx(10));
  for (int i = 0; i < 1024; ++i) meter.add(start + 1h + i * 1ms);
  CHECK(meter.per_second() == Approx(1000));
}
