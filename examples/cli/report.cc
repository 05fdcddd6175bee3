/// The report of a run for people.
#include "report.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "models.h"
#include "posekit/image_io.h"
#include "posekit/media.h"
#include "thumbnail.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

/// A message without what the row says anyway: "posekit: ", and the input's name in front.
std::string without_name(std::string message, const std::string& path) {
  for (const std::string& begin : {std::string("posekit: "), fmt::format("\"{}\": ", path)}) {
    if (message.starts_with(begin)) message.erase(0, begin.size());
  }
  return message;
}

/// The figures of a result that an earlier run has left. A file that is no result gives none.
void read_result(const fs::path& file, ReportRow& row) {
  std::ifstream stream(file, std::ios::binary);
  try {
    for (std::string line; std::getline(stream, line);) {
      const auto result = nlohmann::json::parse(line);
      row.people += result.at("instance_info").size();
      row.size = {result.at("image").at("width").get<int>(), result.at("image").at("height").get<int>()};
      for (const auto& time : result.at("timings_ms")) row.time += posekit::Milliseconds(time.get<double>());
      ++row.results;
    }
  } catch (const nlohmann::json::exception&) {
    row.results = 0;
  }
}

}  // namespace

Report::Report(const EstimateOptions& options, const OutputPlan& plan)
    : options_(options), plan_(plan), folder_(fs::path(options.output) / "report") {
  if (options.to_stdout()) throw UsageError("--report needs a folder for its page, but -o - is standard output: pass -o FOLDER");
  std::error_code ignored;
  if (fs::exists(folder_, ignored) && !fs::is_directory(folder_, ignored))
    throw UsageError(fmt::format("\"{}\" is a file, a folder is expected for --report: choose another one with -o", folder_.string()));
  if (fs::exists(page(), ignored) && !options.overwrite && !is_report_page(page()))
    throw UsageError(fmt::format("\"{}\" is not a report of posekit: add --overwrite or choose another folder with -o", page().string()));
}

/// A deque's elements stay where they are.
ReportRow& Report::row(std::size_t number) {
  const std::lock_guard lock(mutex_);
  return rows_.at(number);
}

Output Report::output_of(const ReportRow& row) const {
  return plan_.of({.path = row.path, .name = row.name, .kind = row.kind, .camera = 0, .problem = {}});
}

/// A drawing's name, which is an input's of no run. Of files without a known extension it says so itself.
fs::path Report::thumbnail_of(const ReportRow& row) const {
  const bool is_known = posekit::media_kind(row.name) != posekit::MediaKind::other;
  return folder_ / "thumbnails" / fs::path(row.name).concat(is_known ? ".pose.jpg" : ".thumbnail.jpg.pose.jpg");
}

void Report::open(std::size_t number, const Input& input) {
  const std::lock_guard lock(mutex_);
  rows_.resize(number + 1);
  ReportRow& row = rows_.back();
  row.path = input.path.string();
  row.name = input.name.generic_string();
  row.kind = input.kind;
}

void Report::add(std::size_t number, const posekit::ImageView& image, const posekit::ImageResult& result,
                 const posekit::KeypointSet& keypoints) {
  ReportRow& row = this->row(number);
  if (row.results == 0 || (row.people == 0 && !result.poses.empty())) draw_thumbnail(row, image, result, keypoints);
  ++row.results;
  row.people += result.poses.size();
  row.size = image.size();
  const posekit::Timings& times = result.timings;
  row.time += times.decode + times.detect + times.preprocess + times.inference + times.postprocess;
}

void Report::draw_thumbnail(const ReportRow& row, const posekit::ImageView& image, const posekit::ImageResult& result,
                            const posekit::KeypointSet& keypoints) {
  const fs::path file = thumbnail_of(row);
  const auto failure = failure_of([&] {
    make_folder(file.parent_path());
    write_thumbnail(file, image, result.poses, keypoints, options_.drawing);
  });
  if (!failure) return;
  const std::lock_guard lock(mutex_);
  if (lost_thumbnails_++ == 0) first_lost_ = failure->what();
}

void Report::close(std::size_t number, const Entry& entry) {
  ReportRow& row = this->row(number);
  const Output output = output_of(row);
  if (entry.step == Step::skipped) read_result(output.result, row);
  for (const std::string& message : entry.messages) row.messages.push_back(without_name(message, row.path));
  std::error_code ignored;
  const auto name_if_there = [&](const fs::path& file, const fs::path& below) {
    const bool is_there = row.results > 0 && !file.empty() && fs::is_regular_file(file, ignored);
    return is_there ? file.lexically_relative(below).generic_string() : std::string();
  };
  row.result = name_if_there(output.result, plan_.folder);
  row.drawing = name_if_there(output.drawing, plan_.folder);
  row.thumbnail = name_if_there(thumbnail_of(row), folder_);
  row.step = entry.step;
}

void Report::finish(const RunTotals& totals, const std::vector<std::string>& notes, bool interrupted) {
  make_folder(folder_ / "thumbnails");
  const ReportContent content{
      .rows = rows_, .totals = totals, .notes = notes, .model = pose_model(options_).filename().string(), .interrupted = interrupted};
  write_report_page(page(), content, options_.write);
}

Remarks Report::remarks() const {
  if (lost_thumbnails_ == 0) return {};
  return {{fmt::format("posekit: {} of the report could not be written, the first: {}",
                       counted(lost_thumbnails_, "thumbnail", "thumbnails"), first_lost_)},
          true};
}

}  // namespace cli
