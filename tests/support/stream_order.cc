/// Says which uses of memory by streams and threads are in no order, by vector clocks.
#include "support/stream_order.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

namespace posekit_test {
namespace {

/// Of the calling thread; other than a std::thread::id, never used again.
std::uint64_t thread_number() {
  static std::atomic<std::uint64_t> next = 0;
  thread_local const std::uint64_t number = next++;
  return number;
}

std::uintptr_t address(const void* memory) { return reinterpret_cast<std::uintptr_t>(memory); }

}  // namespace

StreamOrder::Lane StreamOrder::add_stream(const std::string& name) {
  const std::lock_guard lock(mutex_);
  lanes_.push_back({.name = name, .is_stream = true, .clock = {}});
  return lanes_.size() - 1;
}

StreamOrder::Lane StreamOrder::thread() {
  const std::lock_guard lock(mutex_);
  return thread_lane();
}

StreamOrder::Lane StreamOrder::thread_lane() {
  const auto [place, is_new] = threads_.try_emplace(thread_number(), lanes_.size());
  if (is_new) lanes_.push_back({.name = "thread " + std::to_string(threads_.size()), .is_stream = false, .clock = {}});
  return place->second;
}

void StreamOrder::join(Clock& clock, const Clock& other) {
  if (clock.size() < other.size()) clock.resize(other.size());
  for (std::size_t i = 0; i < other.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

bool StreamOrder::is_before(const Use& use, const Clock& clock) { return use.lane < clock.size() && clock[use.lane] >= use.number; }

StreamOrder::Clock& StreamOrder::launched(Lane stream) {
  const Lane thread = thread_lane();
  join(lanes_[stream].clock, lanes_[thread].clock);
  return lanes_[stream].clock;
}

void StreamOrder::record(const void* event, Lane stream) {
  const std::lock_guard lock(mutex_);
  events_[event] = launched(stream);
}

void StreamOrder::make_stream_wait(Lane stream, const void* event) {
  const std::lock_guard lock(mutex_);
  join(launched(stream), events_[event]);
}

void StreamOrder::wait(const void* event) {
  const std::lock_guard lock(mutex_);
  const Lane thread = thread_lane();
  join(lanes_[thread].clock, events_[event]);
}

void StreamOrder::wait_for(Lane stream) {
  const std::lock_guard lock(mutex_);
  const Lane thread = thread_lane();
  join(lanes_[thread].clock, lanes_[stream].clock);
}

void StreamOrder::wait_for_streams() {
  const std::lock_guard lock(mutex_);
  const Lane thread = thread_lane();
  for (const LaneState& lane : lanes_) {
    if (lane.is_stream) join(lanes_[thread].clock, lane.clock);
  }
}

void StreamOrder::hand_over() {
  const std::lock_guard lock(mutex_);
  const Lane thread = thread_lane();
  join(handed_over_, lanes_[thread].clock);
}

void StreamOrder::take_over() {
  const std::lock_guard lock(mutex_);
  const Lane thread = thread_lane();
  join(lanes_[thread].clock, handed_over_);
}

void StreamOrder::add_memory(const void* begin, std::size_t bytes, const std::string& name) { add(begin, bytes, name, std::nullopt); }

void StreamOrder::add_pooled(const void* begin, std::size_t bytes, const std::string& name, Lane stream) {
  add(begin, bytes, name, stream);
}

void StreamOrder::add(const void* begin, std::size_t bytes, const std::string& name, std::optional<Lane> pool) {
  const std::lock_guard lock(mutex_);
  const std::uintptr_t end = address(begin) + bytes;
  // What is known of this place was of memory that somebody else has freed.
  std::erase_if(buffers_, [&](const auto& entry) { return entry.first < end && entry.second.end > address(begin); });
  buffers_[address(begin)] = {.end = end, .name = name, .pool = pool, .last_write = std::nullopt, .reads = {}};
}

std::vector<StreamOrder::Use> StreamOrder::uses_not_before(const Buffer& buffer, const Clock& clock) const {
  std::vector<Use> uses;
  if (buffer.last_write && !is_before(*buffer.last_write, clock)) uses.push_back(*buffer.last_write);
  std::ranges::copy_if(buffer.reads, std::back_inserter(uses), [&](const Use& use) { return !is_before(use, clock); });
  return uses;
}

void StreamOrder::remove_memory(const void* begin) {
  const std::lock_guard lock(mutex_);
  const auto place = buffers_.find(address(begin));
  if (place == buffers_.end()) return;
  const Buffer buffer = std::move(place->second);
  buffers_.erase(place);
  const Lane thread = thread_lane();
  std::vector<Use> open = uses_not_before(buffer, lanes_[thread].clock);
  if (!buffer.pool) {
    for (const Use& use : open) report(buffer.name + ": freed by " + lanes_[thread].name + " in no order with " + told(use));
    return;
  }
  std::erase_if(open, [&](const Use& use) { return use.lane == *buffer.pool; });
  if (!open.empty()) given_back_[*buffer.pool].push_back({buffer.name, std::move(open)});
}

/// Only once: what the stream is given later is in order with no fewer uses.
void StreamOrder::check_reuse(Lane stream) {
  for (const GivenBack& memory : std::exchange(given_back_[stream], {})) {
    for (const Use& use : memory.uses) {
      if (is_before(use, lanes_[stream].clock)) continue;
      report(memory.name + ": given back, and free for what " + lanes_[stream].name + " is given next, in no order with " + told(use));
    }
  }
}

StreamOrder::Buffer& StreamOrder::buffer_at(const void* begin, std::size_t bytes) {
  const auto behind = buffers_.upper_bound(address(begin));
  if (behind != buffers_.begin() && std::prev(behind)->second.end > address(begin)) return std::prev(behind)->second;
  Buffer& buffer = buffers_[address(begin)];
  buffer.end = address(begin) + bytes;
  buffer.name = "other memory of " + std::to_string(bytes) + " bytes";
  return buffer;
}

void StreamOrder::use(Lane lane, const void* begin, std::size_t bytes, bool writes, const std::string& what) {
  if (bytes == 0) return;
  const std::lock_guard lock(mutex_);
  ++uses_;
  if (lanes_[lane].is_stream) {
    (void)launched(lane);
    check_reuse(lane);
  }
  Buffer& buffer = buffer_at(begin, bytes);
  Clock& clock = lanes_[lane].clock;
  if (clock.size() <= lane) clock.resize(lane + 1);
  const Use now{.lane = lane, .number = ++clock[lane], .writes = writes, .what = what};
  for (const Use& before : uses_not_before(buffer, clock)) {
    if (before.writes || writes) report(buffer.name + ": " + told(before) + " and " + told(now) + " are in no order");
  }
  if (writes) {
    buffer.reads.clear();
    buffer.last_write = now;
  } else {
    std::erase_if(buffer.reads, [&](const Use& read) { return read.lane == lane; });
    buffer.reads.push_back(now);
  }
}

bool StreamOrder::is_behind_all_uses(const void* begin) {
  const std::lock_guard lock(mutex_);
  const Lane thread = thread_lane();
  const auto place = buffers_.find(address(begin));
  return place == buffers_.end() || uses_not_before(place->second, lanes_[thread].clock).empty();
}

std::string StreamOrder::told(const Use& use) const {
  return use.what + " (" + lanes_[use.lane].name + (use.writes ? ", writes)" : ", reads)");
}

void StreamOrder::report(const std::string& fault) {
  if (reported_.insert(fault).second) faults_.push_back(fault);
}

std::vector<std::string> StreamOrder::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

std::size_t StreamOrder::uses() const {
  const std::lock_guard lock(mutex_);
  return uses_;
}

}  // namespace posekit_test
