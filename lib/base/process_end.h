/// Lets the process end while models run: pipelines are cancelled and forwards are waited for before what Torch needs is destroyed.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// The most time that the end of the process waits for what is under way.
constexpr std::chrono::seconds longest_wait_at_exit{10};

/// Held by a thread while it loads or runs a model: exit() waits for it. May be nested. It takes no memory.
class POSEKIT_API ModelWork {
 public:
  /// @throws Error cancelled if the process is ending
  ModelWork();
  ModelWork(const ModelWork&) = delete;
  ModelWork& operator=(const ModelWork&) = delete;
  ~ModelWork();
};

/// Something with threads of its own that run models. exit() asks it to end and waits for its threads. If one of these has called exit(),
/// it waits for none of them, as they may wait for that one.
class EndsWithProcess {
 public:
  using Time = std::chrono::steady_clock::time_point;

  EndsWithProcess() = default;
  EndsWithProcess(const EndsWithProcess&) = delete;
  EndsWithProcess& operator=(const EndsWithProcess&) = delete;
  virtual ~EndsWithProcess() = default;

  /// Asks the threads to end, and waits for none. Called by exit(), between `watch` and `unwatch`. @param deadline for locks
  virtual void end_soon(Time deadline) noexcept = 0;

 protected:
  /// From now on exit() calls `end_soon`; if the process is ending already, this does.
  void watch();
  /// No `end_soon` runs any more when this returns.
  void unwatch() noexcept;
  /// Each thread calls this first. It counts until its thread-local objects are destroyed.
  void count_this_thread() noexcept;

 private:
  friend class ProcessEnd;
  int threads_ = 0;  ///< That have not ended. Guarded by ProcessEnd's mutex.
};

/// To be called once a library has been loaded whose static objects models need: exit() then waits for models before it destroys these.
void end_before_what_was_made() noexcept;

/// Whether exit() has begun or the library is being unloaded: no model runs any more, and what belongs to one is not freed.
[[nodiscard]] bool process_is_ending() noexcept;

/// Whether this thread has called exit(), and what exit() waits for has been waited for. Then an object with threads of its own is not
/// destroyed: this thread may be one of them, or have been interrupted by a signal inside the object.
[[nodiscard]] bool this_thread_exits() noexcept;

/// Keeps what can't be freed while the process is ending.
void keep_for_ever(std::shared_ptr<void> object) noexcept;

/// Locks, unless the mutex stays locked until the deadline. This thread may be the one that holds it, if a signal's handler calls exit().
[[nodiscard]] std::unique_lock<std::mutex> lock_until(std::mutex& mutex, EndsWithProcess::Time deadline);

}  // namespace posekit::inline v0
