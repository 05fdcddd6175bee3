/// The queue that carries a pipeline's frames from stage to stage, in order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <vector>

#include "base/outcome.h"
#include "posekit/pipeline.h"

namespace posekit::inline v0 {

/// What a detector found, or why it found nothing. Shared by the frames that it holds for.
struct FrameBoxes {
  Outcome outcome;
  std::vector<Box> boxes;
};

/// A frame in the queue. The stage that has taken it may change it; the queue reads it again when it is given back.
struct FrameTask {
  PipelineResult out;
  std::shared_ptr<const FrameBoxes> found;  ///< The boxes: given, its own, or an earlier frame's.
  std::size_t position = 0;                 ///< Among the frames that the first stage has taken.
  std::size_t passed = 0;                   ///< Stages that are done with it.
  std::size_t after_previous = 0;  ///< Stages that the previous frame must have passed before it is taken. Set by `assign_boxes` only.
  bool delivered = false;          ///< The sink had it, with an ok result, and did not throw.
};

/// Frames in order. They are appended; each stage takes them strictly in order and gives them back in any; those that the
/// last stage has given back leave. Between two stages at most `limit` frames have been taken by the first and not by the second.
/// Thread-safe.
class FrameQueue {
 public:
  struct Counts {
    std::size_t accepted, refused, delivered, failed, dropped, in_flight;
    std::vector<std::size_t> waiting;  ///< For each stage.
  };
  /// What a stage takes at once.
  struct Fill {
    std::size_t most = 1;
    std::chrono::microseconds wait{0};  ///< How long it waits for more than one.
  };

  /// @param assign_boxes called for each frame in order, under the queue's lock, once the first stage is done with it; may be empty
  FrameQueue(std::size_t stages, std::size_t limit, std::function<void(FrameTask&)> assign_boxes);

  /// Appends a frame. @return whether there was room @throws Error closed, cancelled, deadline_exceeded
  bool put(std::unique_ptr<FrameTask> task, Overflow overflow, const RunControl& control);

  /// Waits for frames that a stage can begin. @return false: no more will come
  bool take(std::size_t stage, const Fill& fill, std::vector<FrameTask*>& batch);
  /// A stage is done with what it took.
  void give_back(std::size_t stage, std::span<FrameTask* const> batch) noexcept;

  /// Nothing more is appended; what is queued is finished.
  void close();
  /// The same, and stages are asked to be quick about it.
  void cancel();
  /// The same, unless the lock is not to be had until then.
  void cancel_until(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] std::stop_token stop() const noexcept { return stop_.get_token(); }
  /// After close: waits until the queue is empty. @throws Error cancelled, deadline_exceeded
  void wait_until_empty(const RunControl& control);

  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::size_t stages() const noexcept { return stages_.size(); }

 private:
  struct Stage {
    std::size_t next = 0;  ///< Position of the first frame that it has not taken.
    std::condition_variable wake;
  };

  // All of them under the lock.
  [[nodiscard]] std::size_t end() const noexcept { return first_ + tasks_.size(); }
  [[nodiscard]] FrameTask& at(std::size_t position) const noexcept { return *tasks_[position - first_]; }
  [[nodiscard]] std::size_t room(std::size_t stage) const noexcept;
  [[nodiscard]] std::size_t ready(std::size_t stage, std::size_t most) const noexcept;
  [[nodiscard]] bool full(std::size_t stage, std::size_t most) const noexcept;
  [[nodiscard]] bool finished(std::size_t stage) const noexcept { return closed_ && stages_[stage].next == end(); }
  [[nodiscard]] bool has_room() const noexcept { return end() - stages_.front().next < limit_; }
  std::unique_ptr<FrameTask> drop_oldest();
  void advance(std::size_t stage, FrameTask& task);
  void wake_all();

  const std::size_t limit_;
  const std::function<void(FrameTask&)> assign_boxes_;
  std::stop_source stop_;

  mutable std::mutex mutex_;
  std::deque<std::unique_ptr<FrameTask>> tasks_;
  std::size_t first_ = 0;     ///< Position of the front.
  std::size_t assigned_ = 0;  ///< Position of the first frame not assigned.
  std::deque<Stage> stages_;
  bool closed_ = false;
  std::size_t accepted_ = 0, refused_ = 0, delivered_ = 0, failed_ = 0, dropped_ = 0;
  std::condition_variable_any room_;   ///< The first stage has taken frames, or the queue was closed.
  std::condition_variable_any empty_;  ///< The last frame has left.
};

}  // namespace posekit::inline v0
