/// The report of a run for people: collects what became of each input, and draws a small picture of it.
#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "inputs.h"
#include "messages.h"
#include "options.h"
#include "ordered_report.h"
#include "outputs.h"
#include "posekit/image.h"
#include "posekit/keypoints.h"
#include "posekit/pose.h"
#include "report_page.h"
#include "totals.h"

namespace cli {

/// Any thread may call any member, for one input one at a time.
class Report {
 public:
  /// @throws UsageError if there is no folder for it, or a file that is not such a page has its name
  Report(const EstimateOptions& options, const OutputPlan& plan);

  /// Begins an input. @param number from 0 on, without gaps
  void open(std::size_t number, const Input& input);
  /// A result of an input: the image's, or one of a video's frames.
  void add(std::size_t number, const posekit::ImageView& image, const posekit::ImageResult& result, const posekit::KeypointSet& keypoints);
  /// Ends an input.
  void close(std::size_t number, const Entry& entry);

  /// Writes the page about the inputs that have ended. @param notes lines about the run as a whole
  /// @throws posekit::Error io
  void finish(const RunTotals& totals, const std::vector<std::string>& notes, bool interrupted);
  /// Which pictures could not be written. After the work.
  Remarks remarks() const;

  std::filesystem::path page() const { return folder_ / "index.html"; }

 private:
  ReportRow& row(std::size_t number);
  Output output_of(const ReportRow& row) const;
  std::filesystem::path thumbnail_of(const ReportRow& row) const;
  void draw_thumbnail(const ReportRow& row, const posekit::ImageView& image, const posekit::ImageResult& result,
                      const posekit::KeypointSet& keypoints);

  const EstimateOptions& options_;
  const OutputPlan& plan_;
  std::filesystem::path folder_;
  std::mutex mutex_;
  std::deque<ReportRow> rows_;
  std::size_t lost_thumbnails_ = 0;
  std::string first_lost_;  ///< Why the first of them could not be written.
};

}  // namespace cli
