/// What became of each input, in order.
#include "ordered_report.h"

#include <utility>

namespace cli {
namespace {

constexpr std::size_t most_held_back = 10000;

}  // namespace

std::size_t OrderedReport::open() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return entries_.size() < most_held_back; });
  entries_.emplace_back();
  ++counts_.inputs;
  return first_ + entries_.size() - 1;
}

void OrderedReport::close(std::size_t number, Entry entry) {
  const std::lock_guard lock(mutex_);
  entries_[number - first_] = std::move(entry);
  for (; !entries_.empty() && entries_.front(); ++first_) {
    report(*entries_.front());
    entries_.pop_front();
  }
  room_.notify_one();
}

void OrderedReport::report(const Entry& entry) {
  for (const std::string& message : entry.messages) progress_.message(message);
  counts_.failed += entry.step == Step::failed ? 1 : 0;
  counts_.skipped += entry.step == Step::skipped ? 1 : 0;
  counts_.interrupted = counts_.interrupted || entry.step == Step::interrupted;
  if (entry.step != Step::interrupted) progress_.step(entry.line);
  if (entry.part && combined_.wanted()) combined_.add(entry.part->input, entry.part->result, entry.part->source);
}

OrderedReport::Counts OrderedReport::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.open = entries_.size();
  return counts;
}

}  // namespace cli
