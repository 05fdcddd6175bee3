/// The belt that carries a pipeline's frames from station to station, in order.
#include "pipeline/frame_queue.h"

#include <algorithm>
#include <utility>

#include "base/wait.h"

namespace posekit::inline v0 {
Belt::Belt(std::size_t stations, std::size_t queue, std::function<void(Item&)> settle)
    : queue_(queue), settle_(std::move(settle)), stations_(stations) {}

bool Belt::put(std::unique_ptr<Item> item, Overflow overflow, const RunControl& control) {
  std::unique_ptr<Item> dropped;  // freed without the lock: a frame's owner may run the caller's code
  std::unique_lock lock(mutex_);
  if (overflow == Overflow::block && !wait(room_, lock, control, [&] { return closed_ || has_room(); })) control.check();
  if (closed_) throw Error(ErrorCode::closed, "the pipeline takes no more frames: it was closed or cancelled");
  if (!has_room() && overflow == Overflow::refuse) {
    ++refused_;
    return false;
  }
  item->out.accepted_at = std::chrono::steady_clock::now();
  items_.push_back(std::move(item));
  ++accepted_;
  if (end() - stations_.front().next > queue_) dropped = drop_oldest();
  stations_.front().wake.notify_all();
  return true;
}

/// Takes the oldest frame off that no station has taken.
std::unique_ptr<Item> Belt::drop_oldest() {
  const auto oldest = items_.begin() + static_cast<std::ptrdiff_t>(stations_.front().next - first_);
  std::unique_ptr<Item> item = std::move(*oldest);
  items_.erase(oldest);
  ++dropped_;
  return item;
}

/// How many frames a station may take before the next one has taken some.
std::size_t Belt::room(std::size_t station) const noexcept {
  if (station + 1 == stations_.size()) return 1;
  return queue_ - (stations_[station].next - stations_[station + 1].next);
}

/// How many frames a station can begin, `most` at most.
std::size_t Belt::ready(std::size_t station, std::size_t most) const noexcept {
  const std::size_t next = stations_[station].next;
  const std::size_t limit = std::min({most, room(station), end() - next});
  std::size_t count = 0;
  for (; count < limit; ++count) {
    const std::size_t position = next + count;
    const Item& item = at(position);
    if (item.passed != station) break;
    if (position > first_ && at(position - 1).passed < item.after_previous) break;
  }
  return count;
}

/// Whether waiting can't make the batch of `most` any larger.
bool Belt::full(std::size_t station, std::size_t most) const noexcept {
  const std::size_t count = ready(station, most);
  if (closed_ || count == std::min(most, room(station))) return true;
  const std::size_t behind = stations_[station].next + count;
  return behind < end() && at(behind).passed == station;  // it is here, and waits for a frame of this very batch
}

bool Belt::take(std::size_t station, const Fill& fill, std::vector<Item*>& batch) {
  batch.clear();
  Station& self = stations_[station];
  std::unique_lock lock(mutex_);
  std::size_t count = 0;
  while (count == 0) {
    self.wake.wait(lock, [&] { return ready(station, 1) > 0 || finished(station); });
    if (finished(station)) return false;
    if (fill.wait.count() > 0) self.wake.wait_for(lock, fill.wait, [&] { return full(station, fill.most); });
    count = ready(station, fill.most);  // none if another thread of this station was quicker
  }
  for (std::size_t i = 0; i < count; ++i) {
    Item& item = at(self.next++);
    if (station == 0) item.position = self.next - 1;
    batch.push_back(&item);
  }
  if (station == 0)
    room_.notify_all();
  else
    stations_[station - 1].wake.notify_all();
  if (finished(station)) self.wake.notify_all();
  return true;
}

void Belt::give_back(std::size_t station, std::span<Item* const> batch) noexcept {
  const std::lock_guard lock(mutex_);
  for (Item* item : batch) advance(station, *item);
  for (; settled_ < end() && at(settled_).passed > 0; ++settled_) {
    if (settle_) settle_(at(settled_));
  }
  if (station + 1 < stations_.size()) {
    stations_[station + 1].wake.notify_all();
    return;
  }
  for (; !items_.empty() && items_.front()->passed == stations_.size(); ++first_) {
    ++(items_.front()->delivered ? delivered_ : failed_);
    items_.pop_front();
  }
  if (closed_ && items_.empty()) empty_.notify_all();
}

/// Counts a station as passed and wakes whoever waits for the frame behind because of it.
void Belt::advance(std::size_t station, Item& item) {
  item.passed = station + 1;
  const std::size_t behind = item.position + 1;
  if (behind < end() && at(behind).after_previous == item.passed) stations_[at(behind).passed].wake.notify_all();
}

void Belt::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  wake_all();
}

void Belt::cancel() {
  stop_.request_stop();
  close();
}

void Belt::wake_all() {
  room_.notify_all();
  empty_.notify_all();
  for (Station& station : stations_) station.wake.notify_all();
}

void Belt::wait_until_empty(const RunControl& control) {
  std::unique_lock lock(mutex_);
  if (!wait(empty_, lock, control, [&] { return items_.empty(); })) control.check();
}

Belt::Counts Belt::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts{accepted_, refused_, delivered_, failed_, dropped_, items_.size(), std::vector<std::size_t>(stations_.size())};
  for (std::size_t position = first_; position < end(); ++position) {
    const std::size_t station = at(position).passed;
    if (position >= stations_[station].next) ++counts.waiting[station];
  }
  return counts;
}

}  // namespace posekit::inline v0
