/// Lets a few callers at a time through, first come first served.
#include "execution/turns.h"

#include <algorithm>

namespace posekit::inline v0 {

Turns::Turn::Turn(Turns& turns, const RunControl& control) : turns_(turns) {
  std::unique_lock lock(turns_.mutex_);
  const std::uint64_t ticket = turns_.next_ticket_++;
  turns_.waiting_.push_back(ticket);
  const auto has_turn = [&] { return turns_.free_ > 0 && turns_.waiting_.front() == ticket; };
  const bool got_it = has_turn() || (control.deadline ? turns_.changed_.wait_until(lock, control.stop, *control.deadline, has_turn)
                                                      : turns_.changed_.wait(lock, control.stop, has_turn));
  turns_.waiting_.erase(std::ranges::find(turns_.waiting_, ticket));
  if (got_it) --turns_.free_;
  const bool pass_on = turns_.free_ > 0 && !turns_.waiting_.empty();
  lock.unlock();
  if (pass_on) turns_.changed_.notify_all();
  if (!got_it) control.check();  // says which of the two it was
}

Turns::Turn::~Turn() {
  {
    const std::lock_guard lock(turns_.mutex_);
    ++turns_.free_;
  }
  turns_.changed_.notify_all();
}

bool Turns::try_take() {
  const std::lock_guard lock(mutex_);
  if (free_ == 0 || !waiting_.empty()) return false;
  --free_;
  return true;
}

}  // namespace posekit::inline v0
