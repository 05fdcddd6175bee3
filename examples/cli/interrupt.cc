/// Ctrl-C.
#include "interrupt.h"

#include <signal.h>
#include <unistd.h>

namespace cli {
namespace {

std::stop_source stop_source;

/// request_stop() only changes an atomic here: nobody registers a callback with this source, so there is no lock to be held. A thread that
/// waits for signals would do as well, but the serial mode promises to make none.
void handle(int) {
  if (!stop_source.request_stop()) _exit(interrupted_exit_code);
}

}  // namespace

std::stop_token watch_for_interrupt() {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return stop_source.get_token();
}

}  // namespace cli
