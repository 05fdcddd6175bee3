/// What a run did in all, and how fast.
#include "totals.h"

#include <fmt/format.h>

#include <utility>

#include "messages.h"

namespace cli {

using posekit::Milliseconds;
using posekit::Timings;

namespace {

constexpr auto stages = {&Timings::decode, &Timings::detect, &Timings::preprocess, &Timings::inference, &Timings::postprocess};

/// The times that are not zero, as "detect 31.4 ms, crop 1.2 ms".
std::string text_of(const Timings& times) {
  const auto named = {std::pair{"read", times.decode},
                      {"detect", times.detect},
                      {"crop", times.preprocess},
                      {"forward", times.inference},
                      {"decode", times.postprocess}};
  std::string text;
  for (const auto& [name, time] : named) {
    if (time > Milliseconds{}) text += fmt::format("{}{} {:.1f} ms", text.empty() ? "" : ", ", name, time.count());
  }
  return text;
}

}  // namespace

void RunTotals::add(const posekit::ImageResult& result, InputKind kind) {
  ++(kind == InputKind::image ? images : frames);
  people += result.poses.size();
  for (const auto stage : stages) times.*stage += result.timings.*stage;
}

Timings RunTotals::mean_times() const {
  Timings mean;
  for (const auto stage : stages) {
    const std::size_t count = stage == &Timings::decode ? images : images + frames;
    if (count > 0) mean.*stage = times.*stage / static_cast<double>(count);
  }
  return mean;
}

std::string speed_line(const RunTotals& totals) {
  const std::size_t count = totals.images + totals.frames;
  if (count == 0) return {};
  std::string what = totals.images > 0 ? counted(totals.images, "image", "images") : "";
  if (totals.frames > 0) what += (what.empty() ? "" : " and ") + counted(totals.frames, "frame", "frames");
  const bool only_images = totals.frames == 0;
  const bool only_frames = totals.images == 0;
  return fmt::format("posekit: {}, {} in {:.2f} s: {:.1f} {}/s, {:.1f} {}/s; {} takes {}", what,
                     only_images ? counted(totals.people, "person", "people") : counted(totals.people, "pose", "poses"),
                     totals.wall.count(), totals.per_second(count),
                     only_images   ? "images"
                     : only_frames ? "frames"
                                   : "images and frames",
                     totals.per_second(totals.people), only_images ? "people" : "poses",
                     only_images   ? "an image"
                     : only_frames ? "a frame"
                                   : "each",
                     text_of(totals.mean_times()));
}

}  // namespace cli
