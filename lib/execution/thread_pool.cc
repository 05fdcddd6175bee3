/// The thread pool: workers help whoever calls parallel_for.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/fork_guard.h"
#include "execution/signals_blocked.h"
#include "execution/thread_error.h"
#include "posekit/error.h"
#include "posekit/executor.h"
#include "posekit/runtime.h"

namespace posekit::inline v0 {
namespace {

constexpr std::size_t most_threads = 4096;

/// One call of parallel_for. It lives on its caller's stack, who leaves only when no worker has it.
struct Job {
  TaskRef task;
  std::size_t count;
  std::atomic<std::size_t> next = 0;  ///< First index that nobody has taken.
  std::size_t workers = 0;            ///< Workers that run tasks of it now; guarded by the pool's mutex.
  std::exception_ptr error{};         ///< The first by time; likewise.
  std::condition_variable left{};     ///< Notified, under the mutex, when the last worker leaves.
  Job* newer = nullptr;               ///< The queue's links, likewise.
  Job* older = nullptr;
};

/// Calls in their order of arrival, linked through the jobs themselves: no allocation.
class JobQueue {
 public:
  [[nodiscard]] Job* oldest() const noexcept { return oldest_; }

  void push(Job& job) noexcept {
    job.older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = &job;
    newest_ = &job;
  }

  /// Takes a job out if it is still in.
  void remove(Job& job) noexcept {
    if (job.older == nullptr && oldest_ != &job) return;
    (job.older != nullptr ? job.older->newer : oldest_) = job.newer;
    (job.newer != nullptr ? job.newer->older : newest_) = job.older;
    job.older = job.newer = nullptr;
  }

 private:
  Job* oldest_ = nullptr;
  Job* newest_ = nullptr;
};

}  // namespace

class ThreadPool::Impl {
 public:
  explicit Impl(std::size_t threads);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { stop_and_join(); }

  [[nodiscard]] std::size_t slots() const noexcept { return slots_; }
  [[nodiscard]] bool forked() const noexcept { return fork_guard_.forked(); }
  [[nodiscard]] bool inside() const noexcept { return inside_ == this; }
  void parallel_for(std::size_t n, TaskRef task);

 private:
  void work(std::size_t slot);
  void run_tasks(Job& job, std::size_t slot);
  void stop_and_join();

  static thread_local const Impl* inside_;  ///< The pool whose task this thread runs.

  ForkGuard fork_guard_;
  std::size_t slots_;
  std::mutex mutex_;
  std::condition_variable wake_;  ///< A job came, or the end.
  JobQueue jobs_;                 ///< Jobs with indices that nobody has taken.
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

thread_local const ThreadPool::Impl* ThreadPool::Impl::inside_ = nullptr;

ThreadPool::Impl::Impl(std::size_t threads) : slots_(threads != 0 ? threads : usable_cpus()) {
  if (slots_ > most_threads) {
    throw Error(ErrorCode::invalid_argument,
                "a pool of " + std::to_string(slots_) + " threads was asked for, at most " + std::to_string(most_threads) + " are allowed");
  }
  const SignalsBlocked blocked;
  workers_.reserve(slots_ - 1);
  for (std::size_t slot = 1; slot < slots_; ++slot) {
    try {
      workers_.emplace_back([this, slot] { work(slot); });
    } catch (const std::system_error& error) {
      stop_and_join();
      throw thread_error("thread " + std::to_string(slot + 1) + " of a pool of " + std::to_string(slots_), error, "ask for fewer threads");
    }
  }
}

void ThreadPool::Impl::stop_and_join() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void ThreadPool::Impl::parallel_for(std::size_t n, TaskRef task) {
  fork_guard_.check("ThreadPool");
  if (n <= 1 || workers_.empty() || inside_ == this) {
    for (std::size_t index = 0; index < n; ++index) task(index, 0);
    return;
  }

  Job job{.task = task, .count = n};
  {
    const std::lock_guard lock(mutex_);
    jobs_.push(job);
  }
  for (std::size_t i = std::min(n - 1, workers_.size()); i > 0; --i) wake_.notify_one();
  run_tasks(job, 0);

  std::unique_lock lock(mutex_);
  jobs_.remove(job);
  job.left.wait(lock, [&] { return job.workers == 0; });
  if (job.error) std::rethrow_exception(job.error);
}

/// A worker's life: helps with the oldest job until nobody has an index left for it.
void ThreadPool::Impl::work(std::size_t slot) {
  pthread_setname_np(pthread_self(), "posekit-worker");
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || jobs_.oldest() != nullptr; });
    if (stopping_) return;
    Job& job = *jobs_.oldest();
    ++job.workers;
    lock.unlock();
    run_tasks(job, slot);
    lock.lock();
    jobs_.remove(job);  // every index is taken
    if (--job.workers == 0) job.left.notify_one();
  }
}

/// Takes indices of the job until there are none. Lets no exception out.
void ThreadPool::Impl::run_tasks(Job& job, std::size_t slot) {
  const Impl* outside = std::exchange(inside_, this);
  try {
    for (std::size_t index = job.next++; index < job.count; index = job.next++) job.task(index, slot);
  } catch (...) {
    job.next = job.count;  // the rest is skipped
    const std::lock_guard lock(mutex_);
    if (!job.error) job.error = std::current_exception();
  }
  inside_ = outside;
}

ThreadPool::ThreadPool(std::size_t threads) : impl_(std::make_unique<Impl>(threads)) {}

ThreadPool::~ThreadPool() {
  // In a forked child the workers do not exist and the mutex may be held for ever, and a task that calls exit() can't wait for itself: what
  // there is to join is left behind.
  if (impl_->forked() || impl_->inside()) (void)impl_.release();  // NOLINT(bugprone-unused-return-value)
}

std::size_t ThreadPool::slots() const noexcept { return impl_->slots(); }
void ThreadPool::parallel_for(std::size_t n, TaskRef task) { impl_->parallel_for(n, task); }

}  // namespace posekit::inline v0
