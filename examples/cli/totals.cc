/// What a run did in all, and how fast.
#include "totals.h"

#include <fmt/format.h>

#include <array>

#include "messages.h"

namespace cli {
namespace {

using posekit::Milliseconds;
using posekit::Timings;

constexpr std::array<std::pair<const char*, Milliseconds Timings::*>, 5> stages{{{"read", &Timings::decode},
                                                                                 {"detect", &Timings::detect},
                                                                                 {"crop", &Timings::preprocess},
                                                                                 {"forward", &Timings::inference},
                                                                                 {"decode", &Timings::postprocess}}};

}  // namespace

void RunTotals::add(const posekit::ImageResult& result, InputKind kind) {
  ++(kind == InputKind::image ? images : frames);
  people += result.poses.size();
  for (const auto& [name, stage] : stages) times.*stage += result.timings.*stage;
}

std::vector<std::pair<const char*, Milliseconds>> RunTotals::mean_times() const {
  std::vector<std::pair<const char*, Milliseconds>> means;
  for (const auto& [name, stage] : stages) {
    const std::size_t count = stage == &Timings::decode ? images : images + frames;
    if (times.*stage > Milliseconds{}) means.emplace_back(name, times.*stage / static_cast<double>(count));
  }
  return means;
}

std::string speed_line(const RunTotals& totals) {
  const std::size_t count = totals.images + totals.frames;
  if (count == 0) return {};
  std::string what = totals.images > 0 ? counted(totals.images, "image", "images") : "";
  if (totals.frames > 0) what += (what.empty() ? "" : " and ") + counted(totals.frames, "frame", "frames");
  const bool only_images = totals.frames == 0;
  std::string line =
      fmt::format("posekit: {}, {} in {:.2f} s: {:.1f} {}/s, {:.1f} {}/s; {} takes", what,
                  only_images ? counted(totals.people, "person", "people") : counted(totals.people, "pose", "poses"), totals.wall.count(),
                  totals.per_second(count), totals.unit(), totals.per_second(totals.people), totals.unit_of_people(),
                  only_images          ? "an image"
                  : totals.images == 0 ? "a frame"
                                       : "each");
  const char* between = " ";
  for (const auto& [name, time] : totals.mean_times()) {
    line += fmt::format("{}{} {:.1f} ms", between, name, time.count());
    between = ", ";
  }
  return line;
}

}  // namespace cli
