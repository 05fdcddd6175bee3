/// Ctrl-C and its like.
#include "interrupt.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace cli {
namespace {

std::stop_source& stop_source = *new std::stop_source;  // never destroyed: a signal may come while the program exits
int wake_descriptor = -1;                               // of an event, made once and never closed: a handler may run at any time

/// Wakes the event's reader. May be called by a handler.
void wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_descriptor, &one, sizeof one);
}

/// request_stop() only changes an atomic here: nobody registers a callback with this source, so there is no lock to be held. A thread that
/// waits for signals would do as well, but the serial mode promises to make none.
void handle(int) {
  const int error = errno;
  if (!stop_source.request_stop()) _exit(interrupted_exit_code);
  wake();
  errno = error;
}

}  // namespace

std::stop_token watch_for_interrupt() {
  if (wake_descriptor < 0) wake_descriptor = eventfd(0, EFD_CLOEXEC);
  if (wake_descriptor < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction before {};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);  // ignored: by nohup
  return stop_source.get_token();
}

InterruptRelay::InterruptRelay()
    : thread_([this] {
        while (!ending_ && !stop_source.stop_requested()) {
          std::uint64_t count = 0;
          if (read(wake_descriptor, &count, sizeof count) < 0 && errno != EINTR) return;
        }
        if (stop_source.stop_requested()) source_.request_stop();
      }) {}

InterruptRelay::~InterruptRelay() {
  ending_ = true;
  wake();
  thread_.join();
}

}  // namespace cli
