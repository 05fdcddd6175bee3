/// A mutex that is given first come first served, with waiting that can be cancelled and has a deadline.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

#include "posekit/export.h"
#include "posekit/run_control.h"

namespace posekit::inline v0 {

/// Held by one FifoLock at a time, in the order in which they asked.
class FifoMutex {
 private:
  friend class FifoLock;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::uint64_t> waiting_;  ///< Tickets; the front one holds the mutex.
  std::uint64_t next_ticket_ = 0;
};

/// Holds a FifoMutex until it goes out of scope.
class POSEKIT_API FifoLock {
 public:
  /// Waits for the mutex. @throws Error cancelled, deadline_exceeded
  FifoLock(FifoMutex& fifo, const RunControl& control);
  FifoLock(const FifoLock&) = delete;
  FifoLock& operator=(const FifoLock&) = delete;
  ~FifoLock();

 private:
  FifoMutex& fifo_;
};

}  // namespace posekit::inline v0
