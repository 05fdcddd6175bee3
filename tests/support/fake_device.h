/// A device whose speed and failures a test scripts: batches are computed by a thread of its own, beside the caller's.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "posekit/error.h"
#include "support/fake_backend.h"

namespace posekit_test {

/// The grey in the middle of a crop of side x side.
inline int middle_grey(const CropBatch& crops, std::size_t person, std::size_t side) {
  return std::to_integer<int>(crops.data[((person * side + side / 2) * side + side / 2) * 3]);
}

/// What happened, in order. Thread-safe.
class EventLog {
 public:
  void add(std::string event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  /// Waits until the event has happened. @return false if it does not within a minute
  bool wait_for(const std::string& event) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return has(event); });
  }
  /// Position of an event; the number of events if it never happened.
  std::size_t position(const std::string& event) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::find(events_, event) - events_.begin());
  }
  std::size_t count(const std::string& event) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count(events_, event));
  }
  std::vector<std::string> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  bool has(const std::string& event) const { return std::ranges::find(events_, event) != events_.end(); }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> events_;
};

/// Answers batches of uint8 crops by a function, on a thread of its own, first come first served. Events, n counting from 0 over all
/// sessions: "stage n" (staging memory asked for), "submit n", "compute n", "computed n", "collect n" (asked for), "collected n".
/// Checks, when it goes, that its sessions were used as they may be: a slot for one batch at a time, finished in the order of submits.
class FakeDevice final : public StandIn {
 public:
  using Peaks = std::vector<posekit::PeakRecord>;
  /// Makes a batch's records. Runs on the device's thread; what it throws comes out of `collect`.
  using Compute = std::function<Peaks(std::size_t batch, const CropBatch& crops)>;
  /// May throw, out of `submit`.
  using OnSubmit = std::function<void(std::size_t batch)>;

  FakeDevice(posekit::ModelInfo info, Compute compute, OnSubmit on_submit = {})
      : StandIn(std::move(info), cuda_0, posekit::CropFormat::uint8_hwc),
        compute_(std::move(compute)),
        on_submit_(std::move(on_submit)),
        thread_([this](std::stop_token stop) { serve(stop); }) {}
  FakeDevice(const FakeDevice&) = delete;
  FakeDevice& operator=(const FakeDevice&) = delete;
  ~FakeDevice() override {
    for (const std::string& event : log_.events()) CHECK(event.find("misuse") == std::string::npos);
  }

  std::unique_ptr<posekit::BatchSession> open_session(const posekit::DecodeRequest& request) override {
    const std::lock_guard lock(mutex_);
    if (opening_fails_) std::rethrow_exception(opening_fails_);
    requests_.push_back(request);
    return std::make_unique<Session>(*this);
  }

  void release_cached() noexcept override { ++releases_; }
  /// How often what is kept for reuse had to be given back.
  int releases() const { return releases_; }

  /// From now on opening a session fails.
  void fail_opening(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    opening_fails_ = std::move(error);
  }

  EventLog& log() { return log_; }
  std::vector<posekit::DecodeRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  /// How often staging memory had to be made or grown.
  int allocations() const { return allocations_; }
  /// Batches that were submitted and not yet finished.
  int under_way() const { return under_way_; }

 private:
  struct Job {
    std::size_t number = 0;
    CropBatch crops;
    Peaks peaks;
    std::exception_ptr failure;
    bool done = false;
  };

  class Session final : public posekit::BatchSession {
   public:
    explicit Session(FakeDevice& device) : device_(device) {}
    ~Session() override {
      for (std::size_t slot = 0; slot < slots; ++slot) {
        if (jobs_[slot]) device_.wait(*jobs_[slot]);
      }
    }

    std::byte* staging(std::size_t slot, std::size_t crops) override {
      device_.require(!jobs_[slot], "staging of a slot that is under way");
      device_.log_.add("stage " + std::to_string(device_.next_stage_++));
      const std::size_t bytes = posekit::crop_bytes(posekit::CropFormat::uint8_hwc, device_.info().input.size()) * crops;
      if (memory_[slot].size() < bytes) {
        ++device_.allocations_;
        memory_[slot].resize(bytes);
      }
      return memory_[slot].data();
    }

    /// Pointers to the host stand for pointers to the device.
    void crop(std::size_t slot, std::size_t position, const posekit::CropTask& task) override {
      device_.require(!jobs_[slot], "crop into a slot that is under way");
      const posekit::Size size = task.plan.size;
      auto* crops = reinterpret_cast<std::uint8_t*>(memory_[slot].data());
      posekit::WarpScratch scratch;
      posekit::warp_rows(task.image, task.plan, 0, size.height,
                         crops + position * posekit::crop_bytes(posekit::CropFormat::uint8_hwc, size), scratch);
    }

    void submit(std::size_t slot, std::size_t crops, const posekit::RunControl& control) override {
      control.check();
      device_.require(!jobs_[slot], "submit to a slot that is under way");
      const std::size_t number = device_.next_job_++;
      device_.log_.add("submit " + std::to_string(number));
      if (device_.on_submit_) device_.on_submit_(number);
      ++device_.under_way_;
      auto job = std::make_shared<Job>();
      job->number = number;
      job->crops = {memory_[slot].data(), crops};
      jobs_[slot] = job;
      device_.enqueue(job);
    }

    posekit::BatchResult collect(std::size_t slot) override {
      device_.require(jobs_[slot] != nullptr, "collect of a slot that is free");
      const std::shared_ptr<Job> job = std::exchange(jobs_[slot], nullptr);
      device_.require(job->number >= next_finish_, "collect of a batch after one that was submitted later");
      next_finish_ = job->number + 1;
      device_.log_.add("collect " + std::to_string(job->number));
      device_.wait(*job);
      device_.log_.add("collected " + std::to_string(job->number));
      --device_.under_way_;
      if (job->failure) std::rethrow_exception(job->failure);
      answers_[slot] = std::move(job->peaks);
      return {.peaks = answers_[slot], .output = {}};
    }

   private:
    FakeDevice& device_;
    std::array<std::vector<std::byte>, slots> memory_;
    std::array<std::shared_ptr<Job>, slots> jobs_;
    std::array<Peaks, slots> answers_;
    std::size_t next_finish_ = 0;
  };

  void require(bool holds, const char* misuse) {
    if (!holds) log_.add(std::string("misuse: ") + misuse);
  }

  void enqueue(std::shared_ptr<Job> job) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(job));
    }
    changed_.notify_all();
  }

  void wait(const Job& job) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return job.done; });
  }

  void serve(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return !queue_.empty(); })) {
      const std::shared_ptr<Job> job = queue_.front();
      queue_.pop_front();
      lock.unlock();
      log_.add("compute " + std::to_string(job->number));
      try {
        job->peaks = compute_(job->number, job->crops);
      } catch (...) {
        job->failure = std::current_exception();
      }
      log_.add("computed " + std::to_string(job->number));
      lock.lock();
      job->done = true;
      changed_.notify_all();
    }
  }

  Compute compute_;
  OnSubmit on_submit_;
  EventLog log_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::vector<posekit::DecodeRequest> requests_;
  std::exception_ptr opening_fails_;
  std::atomic<std::size_t> next_stage_ = 0;
  std::atomic<std::size_t> next_job_ = 0;
  std::atomic<int> allocations_ = 0;
  std::atomic<int> under_way_ = 0;
  std::atomic<int> releases_ = 0;
  std::jthread thread_;
};

}  // namespace posekit_test
