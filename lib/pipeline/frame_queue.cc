/// The queue that carries a pipeline's frames from stage to stage, in order.
#include "pipeline/frame_queue.h"

#include <algorithm>
#include <utility>

#include "base/process_end.h"
#include "base/wait.h"

namespace posekit::inline v0 {

FrameQueue::FrameQueue(std::size_t stages, std::size_t limit, std::function<void(FrameTask&)> assign_boxes)
    : limit_(limit), assign_boxes_(std::move(assign_boxes)), stages_(stages) {}

bool FrameQueue::put(std::unique_ptr<FrameTask> task, Overflow overflow, const RunControl& control) {
  std::unique_ptr<FrameTask> dropped;  // freed without the lock: a frame's owner may run the caller's code
  std::unique_lock lock(mutex_);
  if (overflow == Overflow::block && !wait(room_, lock, control, [&] { return closed_ || has_room(); })) control.check();
  if (closed_)
    throw Error(ErrorCode::closed,
                "the pipeline was closed or cancelled and accepts no more frames: submit before close(), or make a new pipeline");
  if (!has_room() && overflow == Overflow::refuse) {
    ++refused_;
    return false;
  }
  task->out.accepted_at = std::chrono::steady_clock::now();
  tasks_.push_back(std::move(task));
  ++accepted_;
  if (end() - stages_.front().next > limit_) dropped = drop_oldest();
  stages_.front().wake.notify_all();
  return true;
}

/// Takes the oldest frame off that no stage has taken.
std::unique_ptr<FrameTask> FrameQueue::drop_oldest() {
  const auto oldest = tasks_.begin() + static_cast<std::ptrdiff_t>(stages_.front().next - first_);
  std::unique_ptr<FrameTask> task = std::move(*oldest);
  tasks_.erase(oldest);
  ++dropped_;
  return task;
}

/// How many frames a stage may take before the next one has taken some.
std::size_t FrameQueue::room(std::size_t stage) const noexcept {
  if (stage + 1 == stages_.size()) return 1;
  return limit_ - (stages_[stage].next - stages_[stage + 1].next);
}

/// How many frames a stage can begin, `most` at most.
std::size_t FrameQueue::ready(std::size_t stage, std::size_t most) const noexcept {
  const std::size_t next = stages_[stage].next;
  const std::size_t limit = std::min({most, room(stage), end() - next});
  std::size_t count = 0;
  for (; count < limit; ++count) {
    const std::size_t position = next + count;
    const FrameTask& task = at(position);
    if (task.passed != stage) break;
    if (position > first_ && at(position - 1).passed < task.after_previous) break;
  }
  return count;
}

/// Whether waiting can't make the batch of `most` any larger.
bool FrameQueue::full(std::size_t stage, std::size_t most) const noexcept {
  const std::size_t count = ready(stage, most);
  if (closed_ || count == std::min(most, room(stage))) return true;
  const std::size_t behind = stages_[stage].next + count;
  return behind < end() && at(behind).passed == stage;  // it is here, and waits for a frame of this very batch
}

bool FrameQueue::take(std::size_t stage, const Fill& fill, std::vector<FrameTask*>& batch) {
  batch.clear();
  Stage& self = stages_[stage];
  std::unique_lock lock(mutex_);
  std::size_t count = 0;
  while (count == 0) {
    self.wake.wait(lock, [&] { return ready(stage, 1) > 0 || finished(stage); });
    if (finished(stage)) return false;
    if (fill.wait.count() > 0) self.wake.wait_for(lock, fill.wait, [&] { return full(stage, fill.most); });
    count = ready(stage, fill.most);  // none if another thread of this stage was quicker
  }
  for (std::size_t i = 0; i < count; ++i) {
    FrameTask& task = at(self.next++);
    if (stage == 0) task.position = self.next - 1;
    batch.push_back(&task);
  }
  if (stage == 0)
    room_.notify_all();
  else
    stages_[stage - 1].wake.notify_all();
  if (finished(stage)) self.wake.notify_all();
  return true;
}

void FrameQueue::give_back(std::size_t stage, std::span<FrameTask* const> batch) noexcept {
  const std::lock_guard lock(mutex_);
  for (FrameTask* task : batch) advance(stage, *task);
  for (; assigned_ < end() && at(assigned_).passed > 0; ++assigned_) {
    if (assign_boxes_) assign_boxes_(at(assigned_));
  }
  if (stage + 1 < stages_.size()) {
    stages_[stage + 1].wake.notify_all();
    return;
  }
  for (; !tasks_.empty() && tasks_.front()->passed == stages_.size(); ++first_) {
    ++(tasks_.front()->delivered ? delivered_ : failed_);
    tasks_.pop_front();
  }
  if (closed_ && tasks_.empty()) empty_.notify_all();
}

/// Counts a stage as passed, and wakes the stage of the next frame if that frame waited for this.
void FrameQueue::advance(std::size_t stage, FrameTask& task) {
  task.passed = stage + 1;
  const std::size_t behind = task.position + 1;
  if (behind < end() && at(behind).after_previous == task.passed) stages_[at(behind).passed].wake.notify_all();
}

void FrameQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  wake_all();
}

void FrameQueue::cancel() {
  stop_.request_stop();
  close();
}

void FrameQueue::cancel_until(std::chrono::steady_clock::time_point deadline) {
  stop_.request_stop();
  const std::unique_lock lock = lock_until(mutex_, deadline);
  if (!lock) return;
  closed_ = true;
  wake_all();
}

void FrameQueue::wake_all() {
  room_.notify_all();
  empty_.notify_all();
  for (Stage& stage : stages_) stage.wake.notify_all();
}

void FrameQueue::wait_until_empty(const RunControl& control) {
  std::unique_lock lock(mutex_);
  if (!wait(empty_, lock, control, [&] { return tasks_.empty(); })) control.check();
}

FrameQueue::Counts FrameQueue::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts{accepted_, refused_, delivered_, failed_, dropped_, tasks_.size(), std::vector<std::size_t>(stages_.size())};
  for (std::size_t position = first_; position < end(); ++position) {
    const std::size_t stage = at(position).passed;
    if (position >= stages_[stage].next) ++counts.waiting[stage];
  }
  return counts;
}

}  // namespace posekit::inline v0
