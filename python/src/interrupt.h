/// Ctrl-C and other signals while a call runs with the GIL released.
///
/// Python's own handler only notes a signal; its handlers run when the main thread asks, which a native call does not do. A call can only
/// be cancelled between tasks and batches, and an executor is in the middle of exactly these. So the executor asks, on the main thread that
/// waits for the call: no thread is added, no handler replaced, and the forward stays on the caller's thread. (A helper thread that works
/// while the main one waits would end no sooner, as a running forward can't be interrupted, and would cost Torch a team of threads a call.)
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>

#include "gil.h"
#include "posekit/executor.h"
#include "posekit/run_control.h"

namespace posekit_python {

/// Watches over one call. Made, asked and destroyed on the caller's thread with the GIL held; does nothing on any but the main thread.
class InterruptWatch {
 public:
  InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  ~InterruptWatch();

  /// Asked to stop once a signal's handler has raised.
  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

  /// Throws what a signal's handler has raised, if any did.
  void rethrow();

  /// Lets Python handle signals that came, at most every 100 ms, if this thread is in a call that is watched. The GIL is not held.
  static void poll();

 private:
  using Clock = std::chrono::steady_clock;

  std::stop_source stop_;
  std::optional<pybind11::error_already_set> raised_;
  Clock::time_point last_poll_ = Clock::now();
  InterruptWatch* outer_ = nullptr;  ///< A signal's handler may itself call posekit.
  bool watches_ = false;
};

/// Runs tasks where another executor does, and polls for signals on the caller's thread.
/// @param inner null: serial
[[nodiscard]] std::shared_ptr<posekit::Executor> watched(std::shared_ptr<posekit::Executor> inner);

/// @param timeout seconds >= 0; none or more than 30 years: no deadline
/// @throws posekit::Error invalid_argument
[[nodiscard]] posekit::RunControl run_control(const InterruptWatch& watch, std::optional<double> timeout);

/// Calls work(control) with the GIL released, and raises what a signal's handler raised meanwhile.
template <class Work>
auto run_watched(std::optional<double> timeout, Work work) {
  InterruptWatch watch;
  const posekit::RunControl control = run_control(watch, timeout);
  try {
    auto result = [&] {
      const GilRelease release;
      return work(control);
    }();
    watch.rethrow();
    return result;
  } catch (...) {
    watch.rethrow();
    throw;
  }
}

}  // namespace posekit_python
