/// Lets one caller at a time through, first come first served.
#include "execution/fifo_mutex.h"

#include <algorithm>

#include "base/wait.h"

namespace posekit::inline v0 {

Turns::Turn::Turn(Turns& turns, const RunControl& control) : turns_(turns) {
  std::unique_lock lock(turns_.mutex_);
  const std::uint64_t ticket = turns_.next_ticket_++;
  turns_.waiting_.push_back(ticket);
  const auto has_turn = [&] { return turns_.waiting_.front() == ticket; };
  if (has_turn()) return;
  const bool got_it = wait(turns_.changed_, lock, control, has_turn);
  if (got_it) return;
  turns_.waiting_.erase(std::ranges::find(turns_.waiting_, ticket));
  lock.unlock();
  control.check();  // says which of the two it was
}

Turns::Turn::~Turn() {
  {
    const std::lock_guard lock(turns_.mutex_);
    turns_.waiting_.pop_front();
  }
  turns_.changed_.notify_all();
}

}  // namespace posekit::inline v0
