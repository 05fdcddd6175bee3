/// Streams over time: memory stays flat behind a slow sink, results stay recent before a slow model.
#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <iostream>
#include <thread>

#include "faults/rounds.h"
#include "pipeline/scripted.h"
#include "support/resident.h"

using namespace posekit;
using namespace std::chrono_literals;
using posekit_test::numbered_frame;
using posekit_test::rounds;

TEST_CASE("Memory stays flat and the queues' bounds hold while 1280x720 frames wait for a slow sink") {
  constexpr int width = 1280;
  constexpr int height = 720;
  constexpr std::size_t queue = 4;
  const auto frames = static_cast<std::size_t>(rounds(400, 20000));
  std::atomic<std::size_t> alive = 0;
  std::size_t most_alive = 0;
  std::size_t seen = 0;
  long early = 0;
  long late = 0;
  Pipeline pipeline({posekit_test::scripted_estimator(), nullptr},
                    [&](const PipelineResult&) {
                      most_alive = std::max(most_alive, alive.load());
                      if (++seen == frames / 10) early = posekit_test::resident_kilobytes();
                      if (seen == frames / 10 * 9) late = posekit_test::resident_kilobytes();
                      std::this_thread::sleep_for(1ms);  // what makes it slow
                    },
                    {.queue_frames = queue});
  pipeline.run([&, next = std::size_t{0}]() mutable -> std::optional<PipelineInput> {
    if (next == frames) return std::nullopt;
    Image image{std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * 3, 90), width, height, PixelFormat::bgr8};
    Frame frame = make_frame(std::move(image), next++, 0);
    ++alive;
    frame.owner = {frame.owner.get(), [&alive, pixels = frame.owner](const void*) { --alive; }};
    return PipelineInput{std::move(frame), std::vector<Box>{{100, 100, 300, 500}}};
  });
  std::cout << frames << " frames of 1280x720 through a slow sink: at most " << most_alive << " alive, resident size " << early
            << " kB after a tenth, " << late << " kB after nine\n";
  CHECK(seen == frames);
  CHECK(most_alive <= 2 * queue + 2);  // before and behind the estimator, one at the sink, one in the source's hand
  CHECK(alive == 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep freed memory back on purpose
  REQUIRE(early > 0);
  CHECK(late - early < static_cast<long>(2 * queue + 3) * width * height * 3 / 1024);  // as many frames as may be alive differ
#endif
}

TEST_CASE("Overflow::latest delivers or counts as dropped each of 60 frames a second before a slow model") {
  const int frames = 60 * rounds(1, 60);
  std::vector<double> ages;
  std::size_t skipped = 0;
  std::size_t next_index = 0;
  {
    Pipeline pipeline({posekit_test::scripted_estimator([](std::size_t) { std::this_thread::sleep_for(100ms); }),
                       posekit_test::scripted_detector([](std::size_t) { std::this_thread::sleep_for(15ms); })},
                      [&](const PipelineResult& out) {
                        const std::chrono::duration<double, std::milli> age = std::chrono::steady_clock::now() - out.accepted_at;
                        ages.push_back(age.count());
                        skipped += out.frame.index - next_index;
                        next_index = out.frame.index + 1;
                      },
                      {.overflow = Overflow::latest});
    auto tick = std::chrono::steady_clock::now();
    pipeline.run([&, next = 0]() mutable -> std::optional<PipelineInput> {
      if (next == frames) return std::nullopt;
      tick += 16667us;
      std::this_thread::sleep_until(tick);  // a camera's pace
      return PipelineInput{numbered_frame(static_cast<std::size_t>(next++)), std::nullopt};
    });
    skipped += static_cast<std::size_t>(frames) - next_index;
    const PipelineMetrics metrics = pipeline.metrics();
    CHECK(metrics.accepted == static_cast<std::size_t>(frames));
    CHECK(metrics.delivered == ages.size());
    CHECK(metrics.dropped == skipped);
    CHECK(metrics.failed == 0);
  }
  std::ranges::sort(ages);
  const auto quantile = [&](double part) { return ages[static_cast<std::size_t>(part * static_cast<double>(ages.size() - 1))]; };
  std::cout << frames << " frames at 60/s, detector 15 ms, model 100 ms: " << ages.size() << " delivered, " << skipped
            << " dropped; age at delivery p50 " << quantile(0.5) << " ms, p99 " << quantile(0.99) << " ms, max " << ages.back() << " ms\n";
}
