/// Lets the process end while models run.
#include "base/process_end.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "posekit/error.h"

namespace posekit::inline v0 {

/// What all threads of the process share. Never destroyed, as threads may outlive main. After fork() a child has another.
class ProcessEnd {
 public:
  static ProcessEnd& instance();
  static void register_handler() noexcept { (void)std::atexit(at_exit); }

  [[nodiscard]] bool begun() const noexcept { return begun_; }
  void begin_work();
  void end_work() noexcept;

  void watch(EndsWithProcess& object);
  void unwatch(EndsWithProcess& object) noexcept;
  void count_thread(EndsWithProcess& object, int change) noexcept;

 private:
  explicit ProcessEnd(bool begun) : begun_(begun) {}
  static void at_exit() { instance().end(); }
  static void in_forked_child();
  void end() noexcept;
  [[nodiscard]] bool idle() const noexcept;

  static std::atomic<ProcessEnd*> current;

  std::atomic<bool> begun_;
  std::atomic<int> work_ = 0;                 ///< Pieces of work under way.
  std::atomic<std::uint64_t> completed_ = 0;  ///< Pieces of work that have ended, not counting those inside of another.
  std::mutex mutex_;
  std::condition_variable changed_;  ///< A piece of work or a thread has ended.
  std::vector<EndsWithProcess*> watched_;
};

std::atomic<ProcessEnd*> ProcessEnd::current = nullptr;

namespace {

/// What is kept for ever, reachable, so that a leak checker does not count it as lost.
struct Kept {
  std::shared_ptr<void> object;
  Kept* next;
};
std::atomic<Kept*> all_kept = nullptr;

thread_local int work_of_this_thread = 0;
thread_local bool exit_is_through = false;

/// Ends the count of a thread when its thread-local objects are destroyed: the last one, as it was the first.
struct CountedThread {
  EndsWithProcess* of = nullptr;
  ~CountedThread() {
    if (of != nullptr) ProcessEnd::instance().count_thread(*of, -1);
  }
};
thread_local CountedThread counted_thread;

/// exit() destroys the thread-local objects of its thread before anything else. Main's registers the handler once more then, so that it
/// comes before the destructors of what work that is still under way has made. (Other threads end without the process, any number of them.)
struct LastRegistration {
  bool used = false;
  ~LastRegistration() {
    if (used && gettid() == getpid()) ProcessEnd::register_handler();
  }
};
thread_local LastRegistration last_registration;

}  // namespace

ProcessEnd& ProcessEnd::instance() {
  static const bool made = [] {
    current = new ProcessEnd(false);
    pthread_atfork(nullptr, nullptr, in_forked_child);
    register_handler();
    return true;
  }();
  (void)made;
  return *current;
}

/// Other threads' work is not there, and a lock that one of them held stays locked.
void ProcessEnd::in_forked_child() {
  current = new ProcessEnd(instance().begun());
  work_of_this_thread = 0;
  counted_thread.of = nullptr;
}

void ProcessEnd::begin_work() {
  last_registration.used = true;
  ++work_of_this_thread;
  ++work_;
  if (!begun_) return;  // either the handler sees this piece of work, or this sees that it has begun
  end_work();
  throw Error(
      ErrorCode::cancelled,
      "the process is ending, so no model runs any more: wait for the threads that use posekit before main returns or exit() is called");
}

/// exit() destroys static objects before it calls handlers that were registered earlier, and Torch makes such objects when it first needs
/// them. So the handler is registered again after the 1st, 2nd, 4th, 8th, … piece of work.
void ProcessEnd::end_work() noexcept {
  if (--work_of_this_thread == 0 && std::has_single_bit(++completed_) && !begun_) register_handler();
  --work_;
  if (!begun_) return;
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void ProcessEnd::watch(EndsWithProcess& object) {
  const std::lock_guard lock(mutex_);
  watched_.push_back(&object);
  if (begun_) object.end_soon(std::chrono::steady_clock::now() + longest_wait_at_exit);
}

void ProcessEnd::unwatch(EndsWithProcess& object) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(watched_, &object);
}

void ProcessEnd::count_thread(EndsWithProcess& object, int change) noexcept {
  const std::lock_guard lock(mutex_);
  object.threads_ += change;
  changed_.notify_all();
}

bool ProcessEnd::idle() const noexcept {
  return work_ == work_of_this_thread &&
         std::ranges::all_of(watched_, [](const EndsWithProcess* object) { return object->threads_ == 0 || object == counted_thread.of; });
}

void ProcessEnd::end() noexcept {
  if (begun_.exchange(true)) return;
  const auto deadline = std::chrono::steady_clock::now() + longest_wait_at_exit;
  std::unique_lock lock = lock_until(mutex_, deadline);
  if (lock) {
    for (EndsWithProcess* object : watched_) object->end_soon(deadline);
    changed_.wait_until(lock, deadline, [this] { return idle(); });
  }
  exit_is_through = true;
}

ModelWork::ModelWork() { ProcessEnd::instance().begin_work(); }
ModelWork::~ModelWork() { ProcessEnd::instance().end_work(); }

void EndsWithProcess::watch() { ProcessEnd::instance().watch(*this); }
void EndsWithProcess::unwatch() noexcept { ProcessEnd::instance().unwatch(*this); }
void EndsWithProcess::count_this_thread() noexcept {
  counted_thread.of = this;
  ProcessEnd::instance().count_thread(*this, 1);
}

void end_before_what_was_made() noexcept {
  (void)ProcessEnd::instance();
  ProcessEnd::register_handler();
}

bool process_is_ending() noexcept { return ProcessEnd::instance().begun(); }
bool this_thread_exits() noexcept { return exit_is_through; }

void keep_for_ever(std::shared_ptr<void> object) noexcept {
  auto* kept = new (std::nothrow) Kept{std::move(object), all_kept};
  while (kept != nullptr && !all_kept.compare_exchange_weak(kept->next, kept)) {
  }
}

std::unique_lock<std::mutex> lock_until(std::mutex& mutex, EndsWithProcess::Time deadline) {
  std::unique_lock lock(mutex, std::try_to_lock);
  while (!lock && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    (void)lock.try_lock();
  }
  return lock;
}

}  // namespace posekit::inline v0
