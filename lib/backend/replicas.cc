/// Several copies of one model that share the work.
#include "backend/replicas.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "backend/run_session.h"
#include "base/log.h"
#include "base/wait.h"
#include "execution/fifo_mutex.h"
#include "execution/signals_blocked.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

/// How many batches of one session, and how many of all, wait or are computed at one replica: one is prepared while one is computed.
constexpr std::size_t places = BatchSession::slots;

/// Tells one session's thread that a batch of its own has ended.
struct Arrivals {
  std::mutex mutex;
  std::condition_variable changed;
};

/// A slot of a session, on its way through a replica.
struct Batch {
  std::size_t member = 0;  ///< Which replica has it; counts while `taken`.
  std::size_t place = 0;   ///< The slot there.
  bool taken = false;      ///< From staging to finish.
  bool submitted = false;
  bool ended = false;  ///< Guarded by Arrivals, like the next two.
  BatchAnswer answer;
  std::exception_ptr failure;
};

/// A batch in a replica's queue.
struct Job {
  Batch* batch = nullptr;
  BatchSession* session = nullptr;
  Arrivals* arrivals = nullptr;
};

/// One replica with its thread. Thread-safe.
class Member {
 public:
  explicit Member(std::shared_ptr<ModelBackend> backend) : backend_(std::move(backend)) {
    queue_.reserve(places);
    const SignalsBlocked blocked;
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }

  ModelBackend& backend() const noexcept { return *backend_; }

  /// Sends a staged batch off once there is room. @throws Error cancelled, deadline_exceeded, or what the backend says
  void submit(const Job& job, std::size_t crops, const RunControl& control) {
    if (lost_) throw Error(ErrorCode::device_unavailable, "device " + backend_->device() + " is lost: restart the process to use it again");
    const Turns::Turn turn(entry_, control);
    std::unique_lock lock(mutex_);
    if (!wait(changed_, lock, control, [&] { return queue_.size() < places; })) control.check();
    lock.unlock();
    job.session->submit(job.batch->place, crops, control);
    lock.lock();
    queue_.push_back(job);
    changed_.notify_all();
  }

  bool lost() const noexcept { return lost_; }
  /// To be called after a failure.
  void look_whether_lost() noexcept {
    if (!backend_->lost() || lost_.exchange(true)) return;
    try {
      log(LogLevel::warning, "device " + backend_->device() + " is lost, what is left of model \"" + backend_->info().name +
                                 "\" runs without it: restart the process to use it again");
    } catch (...) {  // a note that can't be told stops nothing
    }
  }

 private:
  void serve(const std::stop_token& stop);

  std::shared_ptr<ModelBackend> backend_;
  std::atomic<bool> lost_ = false;
  Turns entry_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Job> queue_;  ///< At most `places`, oldest first; the front one is being finished.
  std::jthread thread_;
};

void Member::serve(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "posekit-replica");
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !queue_.empty(); })) {
    const Job job = queue_.front();
    lock.unlock();
    BatchAnswer answer;
    std::exception_ptr failure;
    try {
      answer = job.session->finish(job.batch->place);
    } catch (...) {
      failure = std::current_exception();
      look_whether_lost();
    }
    lock.lock();
    queue_.erase(queue_.begin());
    changed_.notify_all();
    const std::lock_guard arrival(job.arrivals->mutex);  // the session may be gone as soon as it is free
    job.batch->answer = std::move(answer);
    job.batch->failure = std::move(failure);
    job.batch->ended = true;
    job.arrivals->changed.notify_all();
  }
}

class ReplicaSet;

/// A session on each replica; a slot belongs to one of them from staging to finish.
class SharedSession final : public BatchSession {
 public:
  SharedSession(ReplicaSet& set, const OutputPlan& plan);
  ~SharedSession() override;

  std::size_t slot_count() const noexcept override;
  std::size_t next_to_finish(std::size_t oldest) override;
  std::byte* staging(std::size_t slot, std::size_t crops) override;
  void submit(std::size_t slot, std::size_t crops, const RunControl& control) override;
  BatchAnswer finish(std::size_t slot) override;

 private:
  void wait_for(const Batch& batch);
  std::optional<std::size_t> free_place(std::size_t member) const;
  void give_back(Batch& batch) noexcept;

  ReplicaSet& set_;
  std::vector<std::unique_ptr<BatchSession>> sessions_;
  std::vector<Batch> batches_;  ///< By slot.
  Arrivals arrivals_;
};

class ReplicaSet final : public ModelBackend {
 public:
  explicit ReplicaSet(std::vector<std::shared_ptr<ModelBackend>> replicas) : loads_(replicas.size()) {
    for (std::shared_ptr<ModelBackend>& replica : replicas) {
      device_ += (device_.empty() ? "" : ",") + replica->device();
      members_.push_back(std::make_unique<Member>(std::move(replica)));
    }
  }

  const ModelInfo& info() const noexcept override { return members_.front()->backend().info(); }
  const std::string& device() const noexcept override { return device_; }
  CropFormat crop_format() const noexcept override { return members_.front()->backend().crop_format(); }
  bool asynchronous() const noexcept override { return true; }
  std::unique_ptr<BatchSession> open_session(const OutputPlan& plan) override { return std::make_unique<SharedSession>(*this, plan); }

  ModelOutput run(const CropBatch& crops, const RunControl& control) override {
    const std::size_t taken = take([](std::size_t) { return true; });
    try {
      ModelOutput output = members_[taken]->backend().run(crops, control);
      give_back(taken);
      return output;
    } catch (...) {
      give_back(taken);
      members_[taken]->look_whether_lost();
      throw;
    }
  }

  Member& member(std::size_t index) noexcept { return *members_[index]; }
  std::size_t size() const noexcept { return members_.size(); }
  std::size_t alive() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(members_, [](const auto& member) { return !member->lost(); }));
  }

  /// Takes the replica with the least to do among those that are possible, the lost ones last; equal ones in turn.
  template <class Possible>
  std::size_t take(Possible possible) {
    const std::lock_guard lock(mutex_);
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const std::size_t index = (next_ + i) % members_.size();
      if (!possible(index)) continue;
      const auto cost = [&](std::size_t member) { return std::pair(members_[member]->lost(), loads_[member]); };
      if (!best || cost(index) < cost(*best)) best = index;
    }
    next_ = *best + 1;
    ++loads_[*best];
    return *best;
  }
  void give_back(std::size_t member) noexcept {
    const std::lock_guard lock(mutex_);
    --loads_[member];
  }

 private:
  std::string device_;
  std::vector<std::unique_ptr<Member>> members_;
  std::mutex mutex_;
  std::vector<std::size_t> loads_;  ///< Batches that each has been given and that are not finished.
  std::size_t next_ = 0;
};

SharedSession::SharedSession(ReplicaSet& set, const OutputPlan& plan) : set_(set), batches_(set.size() * places) {
  for (std::size_t i = 0; i < set.size(); ++i) sessions_.push_back(open_session_on(set.member(i).backend(), plan, places));
}

SharedSession::~SharedSession() {
  for (Batch& batch : batches_) {
    if (batch.submitted) wait_for(batch);
    if (batch.taken) give_back(batch);
  }
}

void SharedSession::wait_for(const Batch& batch) {
  std::unique_lock lock(arrivals_.mutex);
  arrivals_.changed.wait(lock, [&] { return batch.ended; });
}

/// Without the lost replicas', so that the others' places suffice.
std::size_t SharedSession::slot_count() const noexcept { return places * std::max<std::size_t>(set_.alive(), 1); }

std::optional<std::size_t> SharedSession::free_place(std::size_t member) const {
  for (std::size_t place = 0; place < places; ++place) {
    const bool used =
        std::ranges::any_of(batches_, [&](const Batch& batch) { return batch.taken && batch.member == member && batch.place == place; });
    if (!used) return place;
  }
  return std::nullopt;
}

void SharedSession::give_back(Batch& batch) noexcept {
  set_.give_back(batch.member);
  batch = {};
}

std::byte* SharedSession::staging(std::size_t slot, std::size_t crops) {
  for (Batch& other : batches_) {
    if (other.taken && !other.submitted) give_back(other);  // staged, but its warps failed
  }
  Batch& batch = batches_[slot];
  batch.member = set_.take([&](std::size_t member) { return free_place(member).has_value(); });
  batch.place = *free_place(batch.member);
  batch.taken = true;
  try {
    return sessions_[batch.member]->staging(batch.place, crops);
  } catch (...) {
    give_back(batch);
    throw;
  }
}

void SharedSession::submit(std::size_t slot, std::size_t crops, const RunControl& control) {
  Batch& batch = batches_[slot];
  Member& member = set_.member(batch.member);
  try {
    member.submit({&batch, sessions_[batch.member].get(), &arrivals_}, crops, control);
    batch.submitted = true;
  } catch (...) {
    member.look_whether_lost();
    give_back(batch);
    throw;
  }
}

std::size_t SharedSession::next_to_finish(std::size_t oldest) {
  const auto ended = [](const Batch& batch) { return batch.ended; };
  std::unique_lock lock(arrivals_.mutex);
  arrivals_.changed.wait(lock, [&] { return std::ranges::any_of(batches_, ended); });
  if (batches_[oldest].ended) return oldest;
  return static_cast<std::size_t>(std::ranges::find_if(batches_, ended) - batches_.begin());
}

BatchAnswer SharedSession::finish(std::size_t slot) {
  Batch& batch = batches_[slot];
  wait_for(batch);  // its thread has let go of it then
  BatchAnswer answer = std::move(batch.answer);
  const std::exception_ptr failure = std::move(batch.failure);
  give_back(batch);
  if (failure) std::rethrow_exception(failure);
  return answer;
}

}  // namespace

std::shared_ptr<ModelBackend> share_work(std::vector<std::shared_ptr<ModelBackend>> replicas) {
  try {
    return std::make_shared<ReplicaSet>(std::move(replicas));
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::out_of_memory, std::string("a replica's thread can't be started (") + error.what() +
                                              "): use fewer devices or raise the limit (ulimit -u)");
  }
}

}  // namespace posekit::inline v0
