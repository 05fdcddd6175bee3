/// How each input ended, reported in the order of the inputs, also if they end in another.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "combined_file.h"
#include "inputs.h"
#include "posekit/pose.h"
#include "posekit/result_io.h"
#include "progress.h"

namespace cli {

class Report;

enum class Step { done, failed, skipped, interrupted };

struct Entry {
  Step step = Step::done;
  std::vector<std::string> messages;  ///< Lines that stay.
  std::string line;                   ///< What a plain log says.
  /// What a document of all results gets, if there is one.
  struct Part {
    Input input;
    posekit::ImageResult result;
    posekit::ResultSource source;
  };
  std::optional<Part> part{};
};

/// Any thread may call any member.
class OrderedReport {
 public:
  /// @param combined gets the entries' parts, if it is wanted
  /// @param page also gets every input; null: there is none
  OrderedReport(Progress& progress, CombinedFile& combined, Report* page) : progress_(progress), combined_(combined), page_(page) {}

  /// Begins the next input; waits while very many that came later are held back by one. @return its number
  std::size_t open(const Input& input);
  /// Ends an input: it is reported when all before it have ended. @throws what CombinedFile::add throws
  void close(std::size_t number, Entry entry);

  struct Counts {
    std::size_t failed = 0;
    std::size_t skipped = 0;
    std::size_t inputs = 0;
    std::size_t open = 0;  ///< Begun, and not reported: at the end of a run, those that an interruption left.
    bool interrupted = false;
  };
  Counts counts() const;

 private:
  void report(const Entry& entry);

  Progress& progress_;
  CombinedFile& combined_;
  Report* page_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::optional<Entry>> entries_;
  std::size_t first_ = 0;  ///< The number of the first of them.
  Counts counts_;
};

}  // namespace cli
