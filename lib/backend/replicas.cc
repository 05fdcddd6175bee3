/// Several copies of one model that share the work.
#include "backend/replicas.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/wait.h"
#include "execution/fifo_mutex.h"
#include "execution/signals_blocked.h"
#include "execution/thread_error.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

/// The most batches of one session, and of all sessions, at one replica: one is computed while the next is prepared.
constexpr std::size_t max_in_flight = BatchSession::slots;

/// Signals one session that one of its batches has ended.
struct Completion {
  std::mutex mutex;
  std::condition_variable changed;
};

/// A slot of a session, on its way through a replica.
struct Batch {
  std::size_t worker = 0;  ///< Which replica has it; counts while `taken`.
  std::size_t slot = 0;    ///< The slot there.
  bool taken = false;      ///< From staging to collect.
  bool submitted = false;
  bool ended = false;  ///< Guarded by Completion, like the next two.
  BatchResult result;
  std::exception_ptr failure;
};

/// A batch in a replica's queue.
struct QueuedBatch {
  Batch* batch = nullptr;
  BatchSession* session = nullptr;
  Completion* completion = nullptr;
};

/// One replica with its thread. Thread-safe.
class ReplicaWorker {
 public:
  explicit ReplicaWorker(std::shared_ptr<ModelBackend> backend) : backend_(std::move(backend)) {
    queue_.reserve(max_in_flight);
    const SignalsBlocked blocked;
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }

  ModelBackend& backend() const noexcept { return *backend_; }

  /// Sends a staged batch off once there is room. @throws Error cancelled, deadline_exceeded, or what the backend says
  void submit(const QueuedBatch& queued, std::size_t crops, const RunControl& control) {
    if (lost_)
      throw Error(ErrorCode::device_unavailable,
                  "device " + to_string(backend_->devices()) + " is lost: restart the process to use it again");
    const FifoLock turn(order_, control);
    std::unique_lock lock(mutex_);
    if (!wait(changed_, lock, control, [&] { return queue_.size() < max_in_flight; })) control.check();
    lock.unlock();
    queued.session->submit(queued.batch->slot, crops, control);
    lock.lock();
    queue_.push_back(queued);
    changed_.notify_all();
  }

  bool lost() const noexcept { return lost_; }
  /// In a catch block: remembers that the device is lost, if the error says so.
  void note_failure() noexcept {
    try {
      throw;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::device_unavailable && !lost_.exchange(true)) note_loss();
    } catch (...) {  // other errors leave the device usable
    }
  }

 private:
  void serve(const std::stop_token& stop);
  void note_loss() noexcept;

  std::shared_ptr<ModelBackend> backend_;
  std::atomic<bool> lost_ = false;
  FifoMutex order_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<QueuedBatch> queue_;  ///< At most `max_in_flight`, oldest first; the front one is being collected.
  std::jthread thread_;
};

void ReplicaWorker::note_loss() noexcept {
  try {
    log(LogLevel::warning, "device " + to_string(backend_->devices()) + " is lost, the other replicas of model \"" + backend_->info().name +
                               "\" run without it: restart the process to use it again");
  } catch (...) {  // the work goes on without the note
  }
}

void ReplicaWorker::serve(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "posekit-replica");
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !queue_.empty(); })) {
    const QueuedBatch queued = queue_.front();
    lock.unlock();
    BatchResult result;
    std::exception_ptr failure;
    try {
      result = queued.session->collect(queued.batch->slot);
    } catch (...) {
      failure = std::current_exception();
      note_failure();
    }
    lock.lock();
    queue_.erase(queue_.begin());
    changed_.notify_all();
    const std::lock_guard ended(queued.completion->mutex);  // the session may be gone as soon as it is free
    queued.batch->result = std::move(result);
    queued.batch->failure = std::move(failure);
    queued.batch->ended = true;
    queued.completion->changed.notify_all();
  }
}

class ReplicaSet;

/// A session on each replica; a slot belongs to one of them from staging to collect.
class SharedSession final : public BatchSession {
 public:
  SharedSession(ReplicaSet& set, const DecodeRequest& request);
  ~SharedSession() override;

  std::size_t slot_count() const noexcept override;
  std::size_t next_to_collect(std::size_t oldest) override;
  std::byte* staging(std::size_t slot, std::size_t crops) override;
  void submit(std::size_t slot, std::size_t crops, const RunControl& control) override;
  BatchResult collect(std::size_t slot) override;

 private:
  void wait_for(const Batch& batch);
  std::optional<std::size_t> free_slot(std::size_t worker) const;
  void give_back(Batch& batch) noexcept;

  ReplicaSet& set_;
  std::vector<std::unique_ptr<BatchSession>> sessions_;  ///< By replica; null where the device was lost before.
  std::vector<Batch> batches_;                           ///< By slot.
  Completion completion_;
};

class ReplicaSet final : public ModelBackend {
 public:
  explicit ReplicaSet(std::vector<std::shared_ptr<ModelBackend>> replicas) : loads_(replicas.size()) {
    for (std::shared_ptr<ModelBackend>& replica : replicas) {
      devices_.push_back(replica->devices().front());
      workers_.push_back(std::make_unique<ReplicaWorker>(std::move(replica)));
    }
  }

  const ModelInfo& info() const noexcept override { return workers_.front()->backend().info(); }
  std::span<const Device> devices() const noexcept override { return devices_; }
  CropFormat crop_format() const noexcept override { return workers_.front()->backend().crop_format(); }
  std::size_t max_batch() const noexcept override { return workers_.front()->backend().max_batch(); }
  bool is_fused() const noexcept override { return workers_.front()->backend().is_fused(); }
  std::unique_ptr<BatchSession> open_session(const DecodeRequest& request) override {
    return std::make_unique<SharedSession>(*this, request);
  }

  void release_cached() noexcept override {
    workers_.front()->backend().release_cached();  // for all devices
  }
  std::unique_ptr<MemoryMeter> memory() override {
    throw Error(ErrorCode::invalid_argument,
                "the model is on \"" + to_string(devices_) + "\", but memory is measured on one device: load it on one of them");
  }

  ReplicaWorker& worker(std::size_t index) noexcept { return *workers_[index]; }
  std::size_t size() const noexcept { return workers_.size(); }
  std::size_t alive() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(workers_, [](const auto& worker) { return !worker->lost(); }));
  }

  /// Chooses the possible replica with the fewest batches, lost ones last, equal ones in turn.
  template <class Possible>
  std::size_t take(Possible possible) {
    const std::lock_guard lock(mutex_);
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      const std::size_t index = (next_ + i) % workers_.size();
      if (!possible(index)) continue;
      const auto cost = [&](std::size_t worker) { return std::pair(workers_[worker]->lost(), loads_[worker]); };
      if (!best || cost(index) < cost(*best)) best = index;
    }
    next_ = *best + 1;
    ++loads_[*best];
    return *best;
  }
  void give_back(std::size_t worker) noexcept {
    const std::lock_guard lock(mutex_);
    --loads_[worker];
  }

 private:
  std::vector<Device> devices_;
  std::vector<std::unique_ptr<ReplicaWorker>> workers_;
  std::mutex mutex_;
  std::vector<std::size_t> loads_;  ///< Batches that each has been given and that are not collected.
  std::size_t next_ = 0;
};

/// A session on one replica; none if its device is lost.
std::unique_ptr<BatchSession> open_on(ReplicaWorker& worker, const DecodeRequest& request) {
  if (worker.lost()) return nullptr;
  try {
    return worker.backend().open_session(request);
  } catch (...) {
    worker.note_failure();
    if (worker.lost()) return nullptr;
    throw;
  }
}

SharedSession::SharedSession(ReplicaSet& set, const DecodeRequest& request) : set_(set), batches_(set.size() * max_in_flight) {
  for (std::size_t i = 0; i < set.size(); ++i) sessions_.push_back(open_on(set.worker(i), request));
  if (std::ranges::none_of(sessions_, [](const auto& session) { return session != nullptr; })) {
    throw Error(ErrorCode::device_unavailable,
                "every device of \"" + to_string(set.devices()) + "\" is lost: restart the process to use them again");
  }
}

SharedSession::~SharedSession() {
  for (Batch& batch : batches_) {
    if (batch.submitted) wait_for(batch);
    if (batch.taken) give_back(batch);
  }
}

void SharedSession::wait_for(const Batch& batch) {
  std::unique_lock lock(completion_.mutex);
  completion_.changed.wait(lock, [&] { return batch.ended; });
}

/// Without the lost replicas', so that the others' slots suffice.
std::size_t SharedSession::slot_count() const noexcept { return max_in_flight * std::max<std::size_t>(set_.alive(), 1); }

std::optional<std::size_t> SharedSession::free_slot(std::size_t worker) const {
  for (std::size_t slot = 0; slot < max_in_flight; ++slot) {
    const bool used =
        std::ranges::any_of(batches_, [&](const Batch& batch) { return batch.taken && batch.worker == worker && batch.slot == slot; });
    if (!used) return slot;
  }
  return std::nullopt;
}

void SharedSession::give_back(Batch& batch) noexcept {
  set_.give_back(batch.worker);
  batch = {};
}

std::byte* SharedSession::staging(std::size_t slot, std::size_t crops) {
  for (Batch& other : batches_) {
    if (other.taken && !other.submitted) give_back(other);  // staged, but its warps failed
  }
  Batch& batch = batches_[slot];
  batch.worker = set_.take([&](std::size_t worker) { return sessions_[worker] && free_slot(worker); });
  batch.slot = *free_slot(batch.worker);
  batch.taken = true;
  try {
    return sessions_[batch.worker]->staging(batch.slot, crops);
  } catch (...) {
    give_back(batch);
    throw;
  }
}

void SharedSession::submit(std::size_t slot, std::size_t crops, const RunControl& control) {
  Batch& batch = batches_[slot];
  ReplicaWorker& worker = set_.worker(batch.worker);
  try {
    worker.submit({&batch, sessions_[batch.worker].get(), &completion_}, crops, control);
    batch.submitted = true;
  } catch (...) {
    worker.note_failure();
    give_back(batch);
    throw;
  }
}

std::size_t SharedSession::next_to_collect(std::size_t oldest) {
  const auto ended = [](const Batch& batch) { return batch.ended; };
  std::unique_lock lock(completion_.mutex);
  completion_.changed.wait(lock, [&] { return std::ranges::any_of(batches_, ended); });
  if (batches_[oldest].ended) return oldest;
  return static_cast<std::size_t>(std::ranges::find_if(batches_, ended) - batches_.begin());
}

BatchResult SharedSession::collect(std::size_t slot) {
  Batch& batch = batches_[slot];
  wait_for(batch);  // from then on the replica's thread does not use it
  BatchResult result = std::move(batch.result);
  const std::exception_ptr failure = std::move(batch.failure);
  give_back(batch);
  if (failure) std::rethrow_exception(failure);
  return result;
}

}  // namespace

std::shared_ptr<ModelBackend> make_replica_set(std::vector<std::shared_ptr<ModelBackend>> replicas) {
  try {
    return std::make_shared<ReplicaSet>(std::move(replicas));
  } catch (const std::system_error& error) {
    throw thread_error("a replica's thread", error, "use fewer devices");
  }
}

}  // namespace posekit::inline v0
