/// A mutex that is given first come first served.
#include "execution/fifo_mutex.h"

#include <algorithm>

#include "base/wait.h"

namespace posekit::inline v0 {

FifoLock::FifoLock(FifoMutex& fifo, const RunControl& control) : fifo_(fifo) {
  std::unique_lock lock(fifo_.mutex_);
  const std::uint64_t ticket = fifo_.next_ticket_++;
  fifo_.waiting_.push_back(ticket);
  const auto is_first = [&] { return fifo_.waiting_.front() == ticket; };
  if (is_first()) return;
  const bool got_it = wait(fifo_.changed_, lock, control, is_first);
  if (got_it) return;
  fifo_.waiting_.erase(std::ranges::find(fifo_.waiting_, ticket));
  lock.unlock();
  control.check();  // says which of the two it was
}

FifoLock::~FifoLock() {
  {
    const std::lock_guard lock(fifo_.mutex_);
    fifo_.waiting_.pop_front();
  }
  fifo_.changed_.notify_all();
}

}  // namespace posekit::inline v0
