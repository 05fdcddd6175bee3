/// Lets one caller at a time through, first come first served.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

#include "posekit/run_control.h"

namespace posekit::inline v0 {

/// A lock whose waiting can be cancelled and has a deadline.
class Turns {
 public:
  /// Holds the turn until it goes out of scope.
  class Turn {
   public:
    /// Waits for the turn. @throws Error cancelled, deadline_exceeded
    Turn(Turns& turns, const RunControl& control);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

   private:
    Turns& turns_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::uint64_t> waiting_;  ///< Tickets; whoever has the front one has the turn.
  std::uint64_t next_ticket_ = 0;
};

}  // namespace posekit::inline v0
