/// One thread that gives a device its work.
#include "backend/launching_thread.h"

#include <pthread.h>

#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "base/wait.h"
#include "execution/fifo_mutex.h"
#include "execution/signals_blocked.h"
#include "execution/thread_error.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

/// A staged batch on its way to the device.
struct Launch {
  BatchSession* session = nullptr;
  std::size_t slot = 0;
  std::size_t crops = 0;
  RunControl control;
  bool handed_over = false;    ///< Its session's: until it is collected.
  bool ended = false;          ///< The thread's, under its mutex, like the next.
  std::exception_ptr failure;  ///< Why the device did not get it.
};

/// Thread-safe.
class LaunchingThread {
 public:
  LaunchingThread() {
    const SignalsBlocked blocked;
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }

  /// Waits until the batch before has begun to be launched. @throws Error cancelled, deadline_exceeded
  void hand_over(Launch& launch) {
    const FifoLock turn(order_, launch.control);
    std::unique_lock lock(mutex_);
    if (!wait(changed_, lock, launch.control, [&] { return next_ == nullptr; })) launch.control.check();
    next_ = &launch;
    changed_.notify_all();
  }

  void wait_for(const Launch& launch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return launch.ended; });
  }

 private:
  void serve(const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "posekit-launch");
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return next_ != nullptr; })) {
      Launch& launch = *std::exchange(next_, nullptr);
      changed_.notify_all();
      lock.unlock();
      std::exception_ptr failure;
      try {
        launch.session->submit(launch.slot, launch.crops, launch.control);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      launch.failure = std::move(failure);
      launch.ended = true;  // from then on it may be gone
      changed_.notify_all();
    }
  }

  FifoMutex order_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Launch* next_ = nullptr;
  std::jthread thread_;
};

class LaunchedSession final : public BatchSession {
 public:
  LaunchedSession(LaunchingThread& thread, std::unique_ptr<BatchSession> session) : thread_(thread), session_(std::move(session)) {}
  ~LaunchedSession() override {
    for (const Launch& launch : launches_) {
      if (launch.handed_over) thread_.wait_for(launch);
    }
  }

  std::byte* staging(std::size_t slot, std::size_t crops) override { return session_->staging(slot, crops); }
  void crop(std::size_t slot, std::size_t position, const CropTask& task) override { session_->crop(slot, position, task); }

  void submit(std::size_t slot, std::size_t crops, const RunControl& control) override {
    Launch& launch = launches_[slot];
    launch = {
        .session = session_.get(), .slot = slot, .crops = crops, .control = control, .handed_over = false, .ended = false, .failure = {}};
    try {
      thread_.hand_over(launch);
    } catch (...) {
      session_->submit(slot, crops, control);  // frees the slot, as the control has ended
      launch.ended = true;
    }
    launch.handed_over = true;
  }

  BatchResult collect(std::size_t slot) override {
    Launch& launch = launches_[slot];
    thread_.wait_for(launch);
    launch.handed_over = false;
    if (launch.failure) std::rethrow_exception(std::exchange(launch.failure, nullptr));
    return session_->collect(slot);
  }

 private:
  LaunchingThread& thread_;
  std::unique_ptr<BatchSession> session_;
  std::array<Launch, slots> launches_;
};

class LaunchedBackend final : public ModelBackend {
 public:
  explicit LaunchedBackend(std::shared_ptr<ModelBackend> device) : device_(std::move(device)) {}

  const ModelInfo& info() const noexcept override { return device_->info(); }
  std::span<const Device> devices() const noexcept override { return device_->devices(); }
  CropFormat crop_format() const noexcept override { return device_->crop_format(); }
  std::size_t max_batch() const noexcept override { return device_->max_batch(); }
  bool is_fused() const noexcept override { return device_->is_fused(); }
  std::unique_ptr<BatchSession> open_session(const DecodeRequest& request) override {
    return std::make_unique<LaunchedSession>(thread_, device_->open_session(request));
  }
  void release_cached() noexcept override { device_->release_cached(); }
  std::unique_ptr<MemoryMeter> memory() override { return device_->memory(); }
  ModelBackend& on_callers_threads() noexcept override { return *device_; }

 private:
  std::shared_ptr<ModelBackend> device_;
  LaunchingThread thread_;
};

}  // namespace

std::shared_ptr<ModelBackend> with_launching_thread(std::shared_ptr<ModelBackend> device) {
  try {
    return std::make_shared<LaunchedBackend>(std::move(device));
  } catch (const std::system_error& error) {
    throw thread_error("a device's thread", error, "use fewer devices");
  }
}

}  // namespace posekit::inline v0
