/// A tracker that Python's threads and a stream may share.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "gil.h"
#include "posekit/error.h"
#include "posekit/tracker.h"

namespace posekit_python {

/// Calls wait for each other, without the GIL. While a stream has the tracker, they are refused.
class SharedTracker {
 public:
  SharedTracker(const posekit::KeypointSet& keypoints, const posekit::TrackerOptions& options)
      : tracker_(std::make_shared<posekit::Tracker>(keypoints, options)) {}

  /// @throws posekit::Error as lock_unless_lent
  template <class Call>
  auto with(Call call) {
    const GilRelease release;
    const auto lock = lock_unless_lent();
    return call(*tracker_);
  }

 private:
  friend class TrackerLoan;

  /// @throws posekit::Error invalid_argument if a stream has it; forked if a stream of the parent's had it, whose thread, which is not
  /// here,
  ///   may have been at work on it
  std::unique_lock<std::mutex> lock_unless_lent() {
    const pid_t borrower = borrower_;
    if (borrower != 0 && borrower != getpid()) {
      throw posekit::Error(posekit::ErrorCode::forked,
                           "the tracker was in a stream when the process was forked: make another tracker in the child");
    }
    std::unique_lock lock(mutex_);
    if (borrower_ != 0) {
      throw posekit::Error(posekit::ErrorCode::invalid_argument,
                           "the tracker belongs to a stream until that stream has ended: close the stream first, or make another tracker");
    }
    return lock;
  }

  std::mutex mutex_;
  std::shared_ptr<posekit::Tracker> tracker_;
  std::atomic<pid_t> borrower_ = 0;  ///< The process whose stream has it; 0: none.
};

/// A stream's right to a tracker, as long as it lives.
class TrackerLoan {
 public:
  /// @throws posekit::Error as SharedTracker's calls
  explicit TrackerLoan(std::shared_ptr<SharedTracker> lender) : lender_(std::move(lender)) {
    const auto lock = lender_->lock_unless_lent();
    lender_->borrower_ = getpid();
  }
  TrackerLoan(const TrackerLoan&) = delete;
  TrackerLoan& operator=(const TrackerLoan&) = delete;
  ~TrackerLoan() {
    if (lender_->borrower_ != getpid()) return;  // a forked child has nothing to give back
    const std::lock_guard lock(lender_->mutex_);
    lender_->borrower_ = 0;
  }

  [[nodiscard]] const std::shared_ptr<posekit::Tracker>& tracker() const noexcept { return lender_->tracker_; }

 private:
  std::shared_ptr<SharedTracker> lender_;
};

}  // namespace posekit_python
