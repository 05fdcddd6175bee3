/// Executors: serial, thread pool, and the caller's own.
#include "posekit/executor.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <string>

#include "arguments.h"
#include "guard.h"
#include "handles.h"
#include "posekit/error.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

constexpr std::size_t most_slots = 4096;

/// One call of a caller's executor. Holds it to its contract: whatever it does with the task, no index runs twice and no slot is shared.
class Call {
 public:
  Call(posekit::TaskRef task, std::size_t count, std::size_t slots) : task_(task), begun_(count), busy_(slots) {}

  void run(std::size_t index, std::size_t slot) noexcept {
    try {
      if (index >= begun_.size()) refuse(index, " of " + std::to_string(begun_.size()));
      if (slot >= busy_.size()) refuse(index, " with slot " + std::to_string(slot) + " of " + std::to_string(busy_.size()));
      const SlotUse use(busy_[slot]);
      if (!use.alone()) refuse(index, " with slot " + std::to_string(slot) + ", which another task uses at the time");
      if (begun_[index].exchange(true)) refuse(index, " twice");
      if (!failed_) task_(index, slot);
    } catch (...) {
      keep(std::current_exception());
    }
  }

  /// @param returned what the caller's run returned
  /// @throws the first task's error, else what was returned, else posekit::Error invalid_argument for a task that was left out
  void finish(posekit_status returned) {
    if (error_) std::rethrow_exception(error_);
    if (returned != POSEKIT_OK) fail_with(returned);
    for (std::size_t i = 0; i < begun_.size(); ++i) {
      if (!begun_[i]) {
        fail("the executor's run has left out task " + std::to_string(i) + " of " + std::to_string(begun_.size()) +
             ": it must call the task for every index");
      }
    }
  }

 private:
  /// Holds a slot for the time of one task.
  class SlotUse {
   public:
    explicit SlotUse(std::atomic<bool>& busy) noexcept : busy_(busy), alone_(!busy.exchange(true)) {}
    SlotUse(const SlotUse&) = delete;
    SlotUse& operator=(const SlotUse&) = delete;
    ~SlotUse() {
      if (alone_) busy_ = false;
    }
    [[nodiscard]] bool alone() const noexcept { return alone_; }

   private:
    std::atomic<bool>& busy_;
    bool alone_;
  };

  [[noreturn]] static void refuse(std::size_t index, const std::string& how) {
    fail("the executor's run has called task " + std::to_string(index) + how + ": see posekit_executor_callbacks for the contract");
  }

  void keep(std::exception_ptr error) noexcept {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    failed_ = true;
  }

  [[noreturn]] static void fail_with(posekit_status returned) {
    const bool known = returned > POSEKIT_OK && returned <= POSEKIT_ERROR_INTERNAL;
    throw posekit::Error(known ? static_cast<posekit::ErrorCode>(returned) : posekit::ErrorCode::internal,
                         "the executor's run has returned " + std::to_string(returned) + " (" + posekit_status_name(returned) + ")");
  }

  posekit::TaskRef task_;
  std::vector<std::atomic<bool>> begun_;
  std::vector<std::atomic<bool>> busy_;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::exception_ptr error_;
};

thread_local const posekit::Executor* inside = nullptr;  ///< Whose task this thread runs.

class CustomExecutor final : public posekit::Executor {
 public:
  explicit CustomExecutor(const posekit_executor_callbacks& callbacks) noexcept : callbacks_(callbacks) {}
  ~CustomExecutor() override {
    if (callbacks_.destroy != nullptr) callbacks_.destroy(callbacks_.opaque);
  }

  [[nodiscard]] std::size_t slots() const noexcept override { return std::max<std::size_t>(callbacks_.slots, 1); }

  void parallel_for(std::size_t count, posekit::TaskRef task) override {
    if (count == 0) return;
    if (count > PTRDIFF_MAX)
      fail("a call of " + std::to_string(count) + " tasks was asked for, more than can be counted: pass their real number");
    if (inside == this) {
      for (std::size_t i = 0; i < count; ++i) task(i, 0);
      return;
    }
    auto marked = [this, task](std::size_t index, std::size_t slot) {
      const Inside mark(this);
      task(index, slot);
    };
    Call call(marked, count, slots());
    call.finish(callbacks_.run(
        callbacks_.opaque, count, [](void* context, std::size_t index, std::size_t slot) { static_cast<Call*>(context)->run(index, slot); },
        &call));
  }

 private:
  class Inside {
   public:
    explicit Inside(const posekit::Executor* executor) noexcept : before_(inside) { inside = executor; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() { inside = before_; }

   private:
    const posekit::Executor* before_;
  };

  posekit_executor_callbacks callbacks_;
};

}  // namespace

posekit_status posekit_executor_create_serial(posekit_executor** executor) {
  return guard([&] {
    clear(executor);
    require(executor, "executor");
    *executor = new posekit_executor{std::make_shared<posekit::SerialExecutor>()};
  });
}

posekit_status posekit_executor_create_thread_pool(size_t threads, posekit_executor** executor) {
  return guard([&] {
    clear(executor);
    require(executor, "executor");
    *executor = new posekit_executor{std::make_shared<posekit::ThreadPool>(threads)};
  });
}

posekit_status posekit_executor_create_custom(const posekit_executor_callbacks* callbacks, posekit_executor** executor) {
  return guard([&] {
    clear(executor);
    require(executor, "executor");
    require(callbacks, "callbacks");
    constexpr std::size_t first_size = offsetof(posekit_executor_callbacks, destroy) + sizeof(callbacks->destroy);
    const auto given = read_options(callbacks, first_size, "posekit_executor_callbacks");
    if (given.run == nullptr) fail("posekit_executor_callbacks.run is NULL: pass a function");
    if (given.slots > most_slots) {
      fail("posekit_executor_callbacks.slots is " + std::to_string(given.slots) + ", at most " + std::to_string(most_slots) +
           " is expected: pass the number of threads that work at once");
    }
    auto handle = std::make_unique<posekit_executor>();  // first, so that nothing can fail once the opaque pointer is taken
    handle->executor = std::make_shared<CustomExecutor>(given);
    *executor = handle.release();
  });
}

posekit_status posekit_executor_slots(const posekit_executor* executor, size_t* slots) {
  return guard([&] {
    clear(slots);
    require(slots, "slots");
    *slots = require(executor, "executor").executor->slots();
  });
}

posekit_status posekit_executor_parallel_for(const posekit_executor* executor, size_t count, posekit_task task, void* context) {
  return guard([&] {
    require(executor, "executor");
    if (task == nullptr) fail("task is NULL: pass a function");
    executor->executor->parallel_for(count, [&](std::size_t index, std::size_t slot) { task(context, index, slot); });
  });
}

void posekit_executor_destroy(posekit_executor* executor) { delete executor; }
