/// Runs a call's items through a session, batch by batch.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "backend/batch_limit.h"
#include "backend/model_backend.h"
#include "base/outcome.h"
#include "posekit/executor.h"
#include "preprocess/staging.h"

namespace posekit::inline v0 {

/// What all calls of one estimator or detector share. All of it is borrowed.
struct BatchContext {
  ModelBackend& backend;
  const DecodeRequest& request;
  Executor& executor;
  BatchLimit& limit;
};

/// A submitted batch whose result has not been delivered yet.
template <class Item>
struct InFlightBatch {
  std::size_t slot = 0;
  std::span<const Item> items;
  std::chrono::steady_clock::duration preprocess{};
  std::chrono::steady_clock::duration inference{};  ///< What the caller's thread spends on the model, or waits for it.
};

/// What a call does with its items.
template <class Crop, class Deliver, class Fail>
struct BatchWork {
  Crop crop;        ///< CropTask(const Item&): what is warped for an item.
  Deliver deliver;  ///< void(const InFlightBatch<Item>&, BatchResult&): takes a batch's result; once for each batch that has one.
  Fail fail;        ///< void(const Item&, const Outcome&): reports why an item has no result.
};
template <class Crop, class Deliver, class Fail>
BatchWork(Crop, Deliver, Fail) -> BatchWork<Crop, Deliver, Fail>;  // Clang 16 does not deduce it

/// Memory of one call, reused by the next. For one call at a time.
template <class Item>
class BatchLoop {
 public:
  BatchLoop() = default;
  BatchLoop(const BatchLoop&) = delete;
  BatchLoop& operator=(const BatchLoop&) = delete;

  /// Runs all items, each batch as large as the limit says, as many batches in flight as the session can use: while one is computed, the
  /// next is warped and the last one's result is delivered. A batch that memory does not hold is halved and tried again. A batch that fails
  /// harms no other; cancellation and a passed deadline end what was not submitted.
  /// @throws what `work.fail` throws; what `crop` or `deliver` throw fails their batch
  template <class Work>
  void run(std::span<const Item> items, const BatchContext& context, const RunControl& control, const Work& work) {
    const Cleared cleared{*this};
    waiting_.clear();
    if (!items.empty()) waiting_.push_back(items);
    while (!waiting_.empty() || !in_flight_.empty()) {
      if (waiting_.empty() || !has_room()) {
        collect(context, work);
        continue;
      }
      const std::span<const Item> batch = take(context.limit.size());
      const Outcome outcome = outcome_of([&] { submit(batch, context, control, work); });
      if (!retry_halved(outcome, batch, context)) report_outcome(outcome, batch, work);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Batch = InFlightBatch<Item>;

  /// Leaves nothing in flight at the end of a call, whichever way it ends.
  struct Cleared {
    BatchLoop& loop;
    ~Cleared() {
      for (const Batch& batch : loop.in_flight_) {
        try {
          (void)loop.session_->collect(batch.slot);
        } catch (...) {  // the call has ended, and its result with it
        }
      }
      loop.in_flight_.clear();
    }
  };

  /// The next batch.
  std::span<const Item> take(std::size_t most) {
    std::span<const Item>& next = waiting_.back();
    const std::span<const Item> batch = next.first(std::min(most, next.size()));
    next = next.subspan(batch.size());
    if (next.empty()) waiting_.pop_back();
    return batch;
  }

  /// Whether another batch may be submitted before one is collected.
  [[nodiscard]] bool has_room() const noexcept { return in_flight_.empty() || in_flight_.size() < session_->slot_count(); }

  [[nodiscard]] std::size_t free_slot() const noexcept {
    std::size_t slot = 0;
    while (std::ranges::find(in_flight_, slot, &Batch::slot) != in_flight_.end()) ++slot;
    return slot;
  }

  /// For how many crops memory is asked: of several, for a usual batch at once, as it takes long to make page-locked memory anew.
  [[nodiscard]] static std::size_t room_for(std::size_t crops, std::size_t limit) noexcept {
    return crops == 1 ? 1 : std::max(crops, std::min(limit, BatchLimit::usual));
  }

  template <class Work>
  void submit(std::span<const Item> items, const BatchContext& context, const RunControl& control, const Work& work) {
    control.check();
    const auto start = Clock::now();
    if (!session_) session_ = context.backend.open_session(context.request);
    in_flight_.reserve(in_flight_.size() + 1);  // so that recording a submitted batch can't fail
    crops_.clear();
    for (const Item& item : items) crops_.push_back(work.crop(item));
    const std::size_t slot = free_slot();
    std::byte* staging = session_->staging(slot, room_for(items.size(), context.limit.size()));
    stage_crops(crops_, context.backend.info().input, context.backend.crop_format(), context.executor, control, warp_scratch_, staging);
    const auto staged = Clock::now();
    for (std::size_t i = 0; i < crops_.size(); ++i) {
      if (crops_[i].image.on_device()) session_->crop(slot, i, crops_[i]);
    }
    session_->submit(slot, items.size(), control);
    in_flight_.push_back({slot, items, staged - start, Clock::now() - staged});
  }

  template <class Work>
  void collect(const BatchContext& context, const Work& work) {
    const auto start = Clock::now();
    const std::size_t slot = session_->next_to_collect(in_flight_.front().slot);
    const auto found = std::ranges::find(in_flight_, slot, &Batch::slot);
    Batch batch = *found;
    in_flight_.erase(found);
    BatchResult result;
    Outcome outcome = outcome_of([&] { result = session_->collect(slot); });
    batch.inference += Clock::now() - start;
    if (retry_halved(outcome, batch.items, context)) return;
    if (outcome.ok()) outcome = outcome_of([&] { work.deliver(batch, result); });
    report_outcome(outcome, batch.items, work);
  }

  /// Whether memory did not hold a batch and its items wait for smaller ones. Of such a batch nothing may have been delivered.
  bool retry_halved(const Outcome& outcome, std::span<const Item> batch, const BatchContext& context) {
    if (outcome.code != ErrorCode::out_of_memory || !context.limit.lower_below(batch.size(), context.backend)) return false;
    waiting_.push_back(batch);
    return true;
  }

  /// Reports a failed batch to its items; cancellation and a passed deadline also to those that wait.
  template <class Work>
  void report_outcome(const Outcome& outcome, std::span<const Item> batch, const Work& work) {
    if (outcome.ok()) return;
    const auto fail_all = [&](std::span<const Item> items) {
      for (const Item& item : items) work.fail(item, outcome);
    };
    fail_all(batch);
    if (!outcome.ends_call()) return;
    for (const std::span<const Item>& items : waiting_) fail_all(items);
    waiting_.clear();
  }

  std::vector<std::span<const Item>> waiting_;  ///< Items that are in no batch yet; the last ones are next.
  std::vector<Batch> in_flight_;                ///< Oldest first.
  std::vector<CropTask> crops_;
  std::vector<WarpScratch> warp_scratch_;
  std::unique_ptr<BatchSession> session_;
};

}  // namespace posekit::inline v0
