/// Where pre- and post-processing runs: the executor interface, the serial executor and the thread pool.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// A borrowed callable void(index, slot). It must outlive the call it is given to.
class TaskRef {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, TaskRef>)
  TaskRef(F&& f) noexcept  // NOLINT(google-explicit-constructor): a lambda is passed as it is
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, std::size_t index, std::size_t slot) { (*static_cast<std::remove_reference_t<F>*>(object))(index, slot); }) {
  }

  void operator()(std::size_t index, std::size_t slot) const { call_(object_, index, slot); }

 private:
  void* object_;
  void (*call_)(void*, std::size_t, std::size_t);
};

/// Runs independent tasks. A program may bring its own; these clauses are the contract.
///
/// 1. parallel_for calls the task for every index in [0, n) exactly once, in any order, with slot < slots(); no two tasks of one
///    call that run at once share a slot, so a slot can name scratch memory.
/// 2. It returns when all started tasks have ended, and what they wrote is visible to the caller. n = 0 calls nothing.
/// 3. The first exception by time is rethrown in the caller after running tasks have ended; tasks not started are skipped; the
///    executor stays usable.
/// 4. From within its own task it runs inline. Several callers at once are allowed. The caller always works too, so no call waits
///    for another's turn.
/// 5. An executor of one thread uses the caller's thread only.
/// 6. The destructor joins; after fork() every call in the child fails with ErrorCode::forked.
class POSEKIT_API Executor {
 public:
  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor();

  /// How many tasks of one call may run at once, the caller's included; at least 1, never changes.
  [[nodiscard]] virtual std::size_t slots() const noexcept = 0;

  /// Calls task(index, slot) for every index in [0, n).
  virtual void parallel_for(std::size_t n, TaskRef task) = 0;
};

/// Runs every task on the caller's thread, in order. Makes no thread, holds no state: safe to share.
class POSEKIT_API SerialExecutor final : public Executor {
 public:
  [[nodiscard]] std::size_t slots() const noexcept override { return 1; }
  void parallel_for(std::size_t n, TaskRef task) override;
};

/// Threads that help whoever calls parallel_for. Any number of threads may call it at once; safe to share between estimators.
/// Its workers never call Torch and get no signals.
class POSEKIT_API ThreadPool final : public Executor {
 public:
  /// @param threads how many work on one call, the caller's included: 1 makes no thread; 0 = as many as this process may use CPUs
  ///                (affinity and cgroup quota)
  /// @throws Error invalid_argument (more than 4096), out_of_memory (a thread can't be started)
  explicit ThreadPool(std::size_t threads = 0);
  /// Joins the workers. No call may be under way.
  ~ThreadPool() override;

  [[nodiscard]] std::size_t slots() const noexcept override;
  /// @throws Error forked in a child of the process that made the pool; else what the first failing task threw
  void parallel_for(std::size_t n, TaskRef task) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
