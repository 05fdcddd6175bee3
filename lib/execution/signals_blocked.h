/// Keeps signals away from threads that posekit starts.
#pragma once

#include <signal.h>

namespace posekit::inline v0 {

/// Blocks every signal in this thread for a while, so that threads made meanwhile get none: handlers run where the program wants them.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace posekit::inline v0
