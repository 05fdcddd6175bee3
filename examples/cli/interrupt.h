/// Ctrl-C: the first asks to stop, the second ends the program at once.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace cli {

constexpr int interrupted_exit_code = 130;

/// Installs the handlers of SIGINT and SIGTERM, and of SIGHUP unless that is ignored. No callback may be registered with the token, which
/// is asked to stop in a signal's handler.
/// @return the token that the handlers trigger
/// @throws std::system_error
std::stop_token watch_for_interrupt();

/// A token for whoever waits for it, triggered by a thread of its own as soon as a signal comes. One at a time.
class InterruptRelay {
 public:
  /// After watch_for_interrupt. @throws std::system_error
  InterruptRelay();
  InterruptRelay(const InterruptRelay&) = delete;
  InterruptRelay& operator=(const InterruptRelay&) = delete;
  ~InterruptRelay();

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace cli
