/// Lets a few callers at a time through, first come first served.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "posekit/run_control.h"

namespace posekit::inline v0 {

/// A lock with one place or several, whose waiting can be cancelled and has a deadline.
class Turns {
 public:
  explicit Turns(std::size_t places = 1) noexcept : free_(places) {}

  /// Holds a place until it goes out of scope.
  class Turn {
   public:
    /// Waits for a place. @throws Error cancelled, deadline_exceeded
    Turn(Turns& turns, const RunControl& control);
    /// Holds the place that try_take() gave.
    explicit Turn(Turns& turns) noexcept : turns_(turns) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

   private:
    Turns& turns_;
  };

  /// Takes a place if one is free and nobody waits for it.
  [[nodiscard]] bool try_take();

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::uint64_t> waiting_;  ///< Tickets; whoever has the front one gets the next place.
  std::uint64_t next_ticket_ = 0;
  std::size_t free_;
};

}  // namespace posekit::inline v0
