/// What became of each input, in order.
#include "ordered_report.h"

#include <utility>

#include "report.h"

namespace cli {
namespace {

constexpr std::size_t most_held_back = 10000;

}  // namespace

std::size_t OrderedReport::open(const Input& input) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return entries_.size() < most_held_back; });
  entries_.emplace_back();
  ++counts_.inputs;
  const std::size_t number = first_ + entries_.size() - 1;
  if (page_ != nullptr) page_->open(number, input);
  return number;
}

void OrderedReport::close(std::size_t number, Entry entry) {
  if (page_ != nullptr) page_->close(number, entry);
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
