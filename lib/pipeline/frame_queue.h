/// The belt that carries a pipeline's frames from station to station, in order.
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
struct Found {
  Outcome outcome;
  std::vector<Box> boxes;
};

/// A frame on the belt. Whoever has taken it may change it; the belt looks at it when it is given back.
struct Item {
  PipelineResult out;
  std::shared_ptr<const Found> found;  ///< The boxes: given, its own, or an earlier frame's.
  std::size_t position = 0;            ///< Among the frames that the first station has taken.
  std::size_t passed = 0;              ///< Stations that are done with it.
  std::size_t after_previous = 0;      ///< It is taken only when the frame before has passed so many stations. Set by `settle` only.
  bool delivered = false;              ///< The sink had it, with an ok result, and did not throw.
};

/// Frames in order. They are put on at the end; each station takes them strictly in order and gives them back in any; those that the
/// last station has given back leave. Between two stations at most `queue` frames have been taken by the first and not by the second.
/// Thread-safe.
class Belt {
 public:
  struct Counts {
    std::size_t accepted, refused, delivered, failed, dropped, in_flight;
    std::vector<std::size_t> waiting;  ///< For each station.
  };
  /// What a station takes at once.
  struct Fill {
    std::size_t most = 1;
    std::chrono::microseconds wait{0};  ///< How long it waits for more than one.
  };

  /// @param settle called for each frame in order, under the belt's lock, once the first station is done with it; may be empty
  Belt(std::size_t stations, std::size_t queue, std::function<void(Item&)> settle);

  /// Puts a frame on. @return whether there was room @throws Error closed, cancelled, deadline_exceeded
  bool put(std::unique_ptr<Item> item, Overflow overflow, const RunControl& control);

  /// Waits for frames that a station can begin. @return false: no more will come
  bool take(std::size_t station, const Fill& fill, std::vector<Item*>& batch);
  /// A station is done with what it took.
  void give_back(std::size_t station, std::span<Item* const> batch) noexcept;

  /// Nothing more is put on; what is on goes its way.
  void close();
  /// The same, and stations are asked to be quick about it.
  void cancel();
  [[nodiscard]] std::stop_token stop() const noexcept { return stop_.get_token(); }
  /// After close: waits until the belt is empty. @throws Error cancelled, deadline_exceeded
  void wait_until_empty(const RunControl& control);

  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::size_t stations() const noexcept { return stations_.size(); }

 private:
  struct Station {
    std::size_t next = 0;  ///< Position of the first frame that it has not taken.
    std::condition_variable wake;
  };

  // All of them under the lock.
  [[nodiscard]] std::size_t end() const noexcept { return first_ + items_.size(); }
  [[nodiscard]] Item& at(std::size_t position) const noexcept { return *items_[position - first_]; }
  [[nodiscard]] std::size_t room(std::size_t station) const noexcept;
  [[nodiscard]] std::size_t ready(std::size_t station, std::size_t most) const noexcept;
  [[nodiscard]] bool full(std::size_t station, std::size_t most) const noexcept;
  [[nodiscard]] bool finished(std::size_t station) const noexcept { return closed_ && stations_[station].next == end(); }
  [[nodiscard]] bool has_room() const noexcept { return end() - stations_.front().next < queue_; }
  std::unique_ptr<Item> drop_oldest();
  void advance(std::size_t station, Item& item);
  void wake_all();

  const std::size_t queue_;
  const std::function<void(Item&)> settle_;
  std::stop_source stop_;

  mutable std::mutex mutex_;
  std::deque<std::unique_ptr<Item>> items_;
  std::size_t first_ = 0;    ///< Position of the front.
  std::size_t settled_ = 0;  ///< Position of the first frame not settled.
  std::deque<Station> stations_;
  bool closed_ = false;
  std::size_t accepted_ = 0, refused_ = 0, delivered_ = 0, failed_ = 0, dropped_ = 0;
  std::condition_variable_any room_;   ///< The first station has taken frames, or the belt was closed.
  std::condition_variable_any empty_;  ///< The last frame has left.
};

}  // namespace posekit::inline v0
