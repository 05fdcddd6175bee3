/// The page of a report: one HTML file that needs no network, and no other file but its pictures.
#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "inputs.h"
#include "ordered_report.h"
#include "posekit/geometry.h"
#include "posekit/image_io.h"
#include "posekit/pose.h"
#include "totals.h"

namespace cli {

/// What a report says of an input.
struct ReportRow {
  std::string path;
  std::string name;  ///< Below the folder of the results.
  InputKind kind = InputKind::image;
  std::optional<Step> step;  ///< None: it has not ended, and is not on the page.
  std::size_t results = 0;   ///< Of a video, how many frames have one.
  std::size_t people = 0;
  posekit::Size size;
  posekit::Milliseconds time{};
  std::vector<std::string> messages;
  std::string result;     ///< A file's name below the folder of the results; empty: none is there.
  std::string drawing;    ///< The same.
  std::string thumbnail;  ///< Below the page's folder.
};

struct ReportContent {
  const std::deque<ReportRow>& rows;
  const RunTotals& totals;
  const std::vector<std::string>& notes;  ///< About the run as a whole.
  std::string model;
  bool interrupted = false;
};

/// Paths and messages are untrusted: nothing in them can add to the page. @throws posekit::Error io
void write_report_page(const std::filesystem::path& file, const ReportContent& content, const posekit::WriteOptions& options);

/// Whether a file is such a page.
bool is_report_page(const std::filesystem::path& file);

}  // namespace cli
