/// Where pre- and post-processing runs: the executor interface, serial executor and thread pool.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// Borrows a callable void(index, slot).
///
/// The callable must outlive the call that the reference is given to.
class TaskRef {
 public:
  /// Refers to a callable, for example a lambda.
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, TaskRef>)
  TaskRef(F&& f) noexcept  // NOLINT(google-explicit-constructor): a lambda is passed as it is
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, std::size_t index, std::size_t slot) { (*static_cast<std::remove_reference_t<F>*>(object))(index, slot); }) {
  }

  /// Calls the callable.
  void operator()(std::size_t index, std::size_t slot) const { call_(object_, index, slot); }

 private:
  void* object_;
  void (*call_)(void*, std::size_t, std::size_t);
};

/// Runs independent tasks.
///
/// A program may bring its own executor. These clauses are the contract:
///
/// 1. parallel_for calls the task for every index in [0, n) exactly once, in any order, with
///    slot < slots(). No two tasks of one call that run at once share a slot, so a slot can name
///    scratch memory.
/// 2. It returns when all started tasks have ended, and what they wrote is visible to the caller.
///    n = 0 calls nothing.
/// 3. The first exception by time is rethrown in the caller after running tasks have ended. Tasks
///    not started are skipped. The executor stays usable.
/// 4. From within its own task it runs inline. Several callers at once are allowed. The caller
///    always works too, so no call waits for another's turn.
/// 5. An executor of one thread uses the caller's thread only.
/// 6. The destructor joins. After fork() every call in the child fails with ErrorCode::forked.
class POSEKIT_API Executor {
 public:
  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor();

  /// Returns how many tasks of one call may run at once, the caller's included.
  ///
  /// The number is at least 1 and never changes.
  [[nodiscard]] virtual std::size_t slots() const noexcept = 0;

  /// Calls task(index, slot) for every index in [0, n), by the clauses above.
  ///
  /// @throws the first exception that a task threw
  virtual void parallel_for(std::size_t n, TaskRef task) = 0;
};

/// Runs every task on the caller's thread, in order.
///
/// It makes no thread and holds no state, so it is safe to share.
class POSEKIT_API SerialExecutor final : public Executor {
 public:
  /// Returns 1.
  [[nodiscard]] std::size_t slots() const noexcept override { return 1; }
  /// Calls the task on the caller's thread, index by index.
  ///
  /// @throws the first exception that a task threw
  void parallel_for(std::size_t n, TaskRef task) override;
};

/// Runs tasks on the calling thread and on threads of its own, which help it.
///
/// Any number of threads may call it at once, and it is safe to share between estimators. Its
/// workers never call Torch and get no signals.
class POSEKIT_API ThreadPool final : public Executor {
 public:
  /// Starts the workers.
  ///
  /// @param threads how many threads work on one call, the caller's included: 1 makes no thread;
  ///     0 = as many as this process may use CPUs (affinity and cgroup quota)
  /// @throws Error invalid_argument for more than 4096 threads
  /// @throws Error out_of_memory if a thread can't be started
  explicit ThreadPool(std::size_t threads = 0);
  /// Joins the workers.
  ///
  /// No call may be under way.
  ~ThreadPool() override;

  /// Returns how many threads work on one call, the caller's included.
  [[nodiscard]] std::size_t slots() const noexcept override;
  /// Calls the task for every index in [0, n), on the caller's thread and the workers.
  ///
  /// @throws Error forked in a child of the process that made the pool
  /// @throws the first exception that a task threw
  void parallel_for(std::size_t n, TaskRef task) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posekit::inline v0
