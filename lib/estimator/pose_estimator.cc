/// PoseEstimator: plans crops for the people of a call and runs them through the model, batch by batch.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>

#include "backend/batch_limit.h"
#include "backend/run_session.h"
#include "base/fork_guard.h"
#include "base/object_pool.h"
#include "base/outcome.h"
#include "codec/decode.h"
#include "estimator/estimator_access.h"
#include "geometry/image_checks.h"
#include "model/model_info.h"
#include "preprocess/staging.h"

namespace posekit::inline v0 {
namespace {

using Clock = std::chrono::steady_clock;

/// So many values to look at that waking a worker costs nothing beside them, so few that one person's decode can use a whole pool. Less
/// work wakes nobody: Torch's own threads still hold the CPUs after a forward, and a worker among them delays the next one.
constexpr std::size_t values_per_task = std::size_t{1} << 18;

/// About how many values the decode of one channel looks at.
std::size_t values_of_channel(const ModelInfo& info, bool reduced) {
  constexpr std::size_t refinement = 2048;  // takes as long as so many
  const auto size = [](int width, int height) { return static_cast<std::size_t>(width) * static_cast<std::size_t>(height); };
  switch (info.output.codec) {
    case Codec::udp_heatmap:
    case Codec::heatmap: return reduced ? refinement : refinement + size(info.output.width, info.output.height);
    case Codec::simcc: return static_cast<std::size_t>(info.output.split_ratio * (info.input.width + info.input.height)) + 1;
    case Codec::regression:
    case Codec::boxes_scores: break;
  }
  return 8;
}

/// One person of a call.
struct Person {
  std::size_t image = 0;
  std::size_t box_index = 0;
  Point centre;
  CropTransform transform;
};

/// A batch between submit_batch and collect_batch.
struct InFlightBatch {
  std::size_t slot = 0;
  std::span<const Person> persons;
  Clock::duration preprocess{};
  Clock::duration inference{};  ///< What the caller's thread spends on the model, or waits for it.
};

/// Memory of one call, reused by the next.
struct Workspace {
  std::vector<Person> persons;
  std::vector<std::span<const Person>> waiting;  ///< Persons who are in no batch yet; the last ones' turn is first.
  std::vector<CropTask> crops;
  std::vector<Keypoint> keypoints;  ///< Of one batch, person by person.
  std::vector<DecodeScratch> decode_scratch;
  Staging staging;
  std::vector<InFlightBatch> in_flight;  ///< Oldest first.
  std::unique_ptr<BatchSession> session;

  /// The next batch.
  std::span<const Person> take(std::size_t most) {
    auto& next = waiting.back();
    const auto batch = next.first(std::min(most, next.size()));
    next = next.subspan(batch.size());
    if (next.empty()) waiting.pop_back();
    return batch;
  }

  /// Whether another batch may be submitted before one is collected.
  bool has_room() const noexcept { return in_flight.empty() || in_flight.size() < session->slot_count(); }

  std::size_t free_slot() const noexcept {
    std::size_t slot = 0;
    while (std::ranges::find(in_flight, slot, &InFlightBatch::slot) != in_flight.end()) ++slot;
    return slot;
  }

  /// Forgets what is under way: for calls that end by an exception.
  void clear() noexcept {
    for (const InFlightBatch& batch : in_flight) {
      try {
        (void)session->collect(batch.slot);
      } catch (...) {  // nobody is left to be told
      }
    }
    in_flight.clear();
  }
};

/// Leaves a workspace empty at the end of a call, whichever way it ends.
struct Cleared {
  explicit Cleared(Workspace& work) noexcept : workspace(work) {}
  Cleared(const Cleared&) = delete;
  Cleared& operator=(const Cleared&) = delete;
  ~Cleared() { workspace.clear(); }
  Workspace& workspace;
};

/// Coordinates stay finite, also for boxes beyond what a float can hold.
float to_float(double value) noexcept {
  constexpr double limit = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -limit, limit));
}

void fail(ImageResult& result, ErrorCode code, const std::string& message) {
  if (result.code != ErrorCode::ok) return;
  result.code = code;
  result.message = message;
}

}  // namespace

class PoseEstimator::Impl {
 public:
  Impl(std::shared_ptr<ModelBackend> backend, EstimatorOptions options);

  std::vector<ImageResult> estimate(std::span<const ImageBoxes> images, const RunControl& control);

  const ModelInfo& info() const noexcept { return info_; }
  const KeypointSet& keypoints() const noexcept { return keypoints_; }
  const std::string& device() const noexcept { return backend_->device(); }
  bool forked() const noexcept { return fork_guard_.forked(); }

 private:
  void check_image(const ImageView& image) const;
  void plan_image(const ImageBoxes& input, std::size_t image, ImageResult& result, std::vector<Person>& persons) const;
  void submit_batch(std::span<const Person> persons, std::span<const ImageBoxes> images, Workspace& work, const RunControl& control);
  void collect_batch(std::span<const ImageBoxes> images, std::vector<ImageResult>& results, Workspace& work);
  bool retry_halved(const Outcome& outcome, std::span<const Person> batch, Workspace& work);
  void report_outcome(const Outcome& outcome, std::span<const Person> batch, std::vector<ImageResult>& results, Workspace& work);
  void decode(const BatchResult& result, std::span<const Person> persons, Workspace& work);
  void deliver(const InFlightBatch& batch, Milliseconds postprocess, std::span<const ImageBoxes> images, std::vector<ImageResult>& results,
               const Workspace& work) const;

  ForkGuard fork_guard_;
  std::shared_ptr<ModelBackend> backend_;
  std::shared_ptr<Executor> executor_;
  ModelInfo info_;
  std::vector<std::size_t> channels_;
  KeypointSet keypoints_;
  Decoder decoder_;
  DecodeRequest request_;
  BatchLimit max_batch_;
  ObjectPool<Workspace> workspaces_;
};

namespace {

ModelInfo with_options(ModelInfo info, const EstimatorOptions& options) {
  if (info.task != Task::pose) {
    throw Error(ErrorCode::invalid_argument, fmt::format("model \"{}\" has task \"{}\", a pose model was expected: pass it as a detector",
                                                         info.name, to_string(info.task)));
  }
  if (options.box_padding) override_box_padding(info, *options.box_padding);
  if (options.flip_test && !info.keypoints.can_mirror()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the flip test needs left/right partners, keypoint set \"{}\" has none: add \"swap\" to its "
                            "keypoints, or leave the flip test off",
                            info.keypoints.name));
  }
  return info;
}

std::vector<std::size_t> wanted_channels(const KeypointSet& set, const std::vector<std::string>& selection) {
  if (!selection.empty()) return select_keypoints(set, selection);
  std::vector<std::size_t> all(set.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

}  // namespace

PoseEstimator::Impl::Impl(std::shared_ptr<ModelBackend> backend, EstimatorOptions options)
    : backend_(std::move(backend)),
      executor_(options.executor ? std::move(options.executor) : std::make_shared<SerialExecutor>()),
      info_(with_options(backend_->info(), options)),
      channels_(wanted_channels(info_.keypoints, options.keypoints)),
      keypoints_(subset(info_.keypoints, channels_)),
      decoder_(info_, channels_),
      request_(decoder_.request(options.flip_test)),
      max_batch_(options.max_batch, *backend_) {}

/// On a device two batches are under way: while one is computed, the next is warped and the last one's output is refined. On the caller's
/// thread it is one: submitted, then collected before the next.
std::vector<ImageResult> PoseEstimator::Impl::estimate(std::span<const ImageBoxes> images, const RunControl& control) {
  fork_guard_.check("PoseEstimator");
  std::vector<ImageResult> results(images.size());
  const auto work = workspaces_.take();
  const Cleared cleared(*work);
  work->persons.clear();
  work->waiting.clear();
  for (std::size_t i = 0; i < images.size(); ++i) plan_image(images[i], i, results[i], work->persons);
  if (!work->persons.empty()) work->waiting.emplace_back(work->persons);

  while (!work->waiting.empty() || !work->in_flight.empty()) {
    if (work->waiting.empty() || !work->has_room()) {
      collect_batch(images, results, *work);
      continue;
    }
    const auto batch = work->take(max_batch_.size());
    const Outcome outcome = outcome_of([&] { submit_batch(batch, images, *work, control); });
    if (!retry_halved(outcome, batch, *work)) report_outcome(outcome, batch, results, *work);
  }
  // Batches may be collected in another order than they were submitted in.
  for (ImageResult& result : results) {
    if (!std::ranges::is_sorted(result.poses, {}, &Pose::box_index)) std::ranges::sort(result.poses, {}, &Pose::box_index);
  }
  return results;
}

/// Whether memory did not hold a batch and its persons wait for smaller ones. Of such a batch nothing may have been delivered.
bool PoseEstimator::Impl::retry_halved(const Outcome& outcome, std::span<const Person> batch, Workspace& work) {
  if (outcome.code != ErrorCode::out_of_memory || !max_batch_.lower_below(batch.size(), info_.name)) return false;
  work.waiting.push_back(batch);
  return true;
}

/// Tells everyone concerned how a batch ended.
void PoseEstimator::Impl::report_outcome(const Outcome& outcome, std::span<const Person> batch, std::vector<ImageResult>& results,
                                         Workspace& work) {
  if (outcome.ok()) return;
  const auto fail_all = [&](std::span<const Person> persons) {
    for (const Person& person : persons) fail(results[person.image], outcome.code, outcome.message);
  };
  fail_all(batch);
  if (!outcome.ends_call()) return;
  for (const auto& persons : work.waiting) fail_all(persons);
  work.waiting.clear();
}

/// An image on a device is cropped there or nowhere: never copied behind the caller's back.
void PoseEstimator::Impl::check_image(const ImageView& image) const {
  check_view(image);
  if (!image.on_device()) return;
  const std::string place = fmt::format("cuda:{}", image.cuda_device);
  if (place == device()) return;
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("image: its pixels lie on {}, the model runs on {}: load the model with device \"{}\", or copy the image to the host",
                  place, device(), place));
}

/// Adds the image's people to the plan; what can't be planned is told in the result.
void PoseEstimator::Impl::plan_image(const ImageBoxes& input, std::size_t image, ImageResult& result, std::vector<Person>& persons) const {
  const Outcome outcome = outcome_of([&] { check_image(input.image); });
  if (!outcome.ok()) return fail(result, outcome.code, outcome.message);

  result.poses.reserve(input.boxes.size());
  for (std::size_t i = 0; i < input.boxes.size(); ++i) {
    const Outcome planned = outcome_of([&] {
      const CropRegion region = crop_region(input.boxes[i], info_.input.size(), info_.box_padding);
      persons.push_back({image, i, region.centre, crop_transform(region, info_.input.size(), info_.alignment)});
    });
    if (!planned.ok()) result.box_errors.push_back({i, planned.code, fmt::format("box {}: {}", i, planned.message)});
  }
}

void PoseEstimator::Impl::submit_batch(std::span<const Person> persons, std::span<const ImageBoxes> images, Workspace& work,
                                       const RunControl& control) {
  control.check();
  const auto start = Clock::now();
  if (!work.session) work.session = open_session_on(*backend_, request_);
  work.in_flight.reserve(work.in_flight.size() + 1);  // so that a batch that is sent is never forgotten
  work.crops.clear();
  for (const Person& person : persons) {
    work.crops.push_back(
        {images[person.image].image, {.transform = person.transform, .size = info_.input.size(), .color = info_.input.color, .border = 0}});
  }
  const std::size_t slot = work.free_slot();
  work.staging.lent = work.session->staging(slot, persons.size());
  stage_crops(work.crops, info_.input, backend_->crop_format(), *executor_, control, work.staging);
  const auto staged = Clock::now();
  for (std::size_t i = 0; i < work.crops.size(); ++i) {
    if (work.crops[i].image.on_device()) work.session->crop(slot, i, work.crops[i]);
  }
  work.session->submit(slot, persons.size(), control);
  work.in_flight.push_back({slot, persons, staged - start, Clock::now() - staged});
}

/// Reads the output of a batch that is under way, and writes its persons' poses, or why there are none.
void PoseEstimator::Impl::collect_batch(std::span<const ImageBoxes> images, std::vector<ImageResult>& results, Workspace& work) {
  const auto start = Clock::now();
  const std::size_t slot = work.session->next_to_collect(work.in_flight.front().slot);
  const auto found = std::ranges::find(work.in_flight, slot, &InFlightBatch::slot);
  InFlightBatch batch = *found;
  work.in_flight.erase(found);
  BatchResult result;
  Outcome outcome = outcome_of([&] { result = work.session->collect(slot); });
  if (retry_halved(outcome, batch.persons, work)) return;
  if (!outcome.ok()) return report_outcome(outcome, batch.persons, results, work);
  const auto answered = Clock::now();
  batch.inference += answered - start;
  outcome = outcome_of([&] {
    if (!result.mirrored.tensors.empty()) result.output = average_flipped(info_, result.output, result.mirrored, channels_);
    decode(result, batch.persons, work);
    deliver(batch, Clock::now() - answered, images, results, work);
  });
  report_outcome(outcome, batch.persons, results, work);
}

void PoseEstimator::Impl::deliver(const InFlightBatch& batch, Milliseconds postprocess, std::span<const ImageBoxes> images,
                                  std::vector<ImageResult>& results, const Workspace& work) const {
  const auto share = static_cast<double>(batch.persons.size());
  for (std::size_t i = 0; i < batch.persons.size(); ++i) {
    const Person& person = batch.persons[i];
    ImageResult& result = results[person.image];
    const auto first = work.keypoints.begin() + static_cast<std::ptrdiff_t>(i * channels_.size());
    result.poses.push_back({.box = images[person.image].boxes[person.box_index],
                            .box_index = person.box_index,
                            .keypoints = {first, first + static_cast<std::ptrdiff_t>(channels_.size())},
                            .track_id = std::nullopt});
    result.timings.preprocess += batch.preprocess / share;
    result.timings.inference += batch.inference / share;
    result.timings.postprocess += postprocess / share;
  }
}

/// Not interrupted: what the model has answered is finished.
void PoseEstimator::Impl::decode(const BatchResult& result, std::span<const Person> persons, Workspace& work) {
  const std::size_t count = persons.size() * channels_.size();
  const std::size_t per_task = std::max<std::size_t>(values_per_task / values_of_channel(info_, !result.peaks.empty()), 1);
  work.keypoints.resize(count);
  if (work.decode_scratch.size() < executor_->slots()) work.decode_scratch.resize(executor_->slots());
  for (DecodeScratch& scratch : work.decode_scratch) decoder_.reserve(scratch);

  executor_->parallel_for((count + per_task - 1) / per_task, [&](std::size_t index, std::size_t slot) {
    for (std::size_t i = index * per_task; i < std::min((index + 1) * per_task, count); ++i) {
      const std::size_t person = i / channels_.size();
      const CellPoint cell = result.peaks.empty()
                                 ? decoder_.decode_cell(result.output, person, i % channels_.size(), work.decode_scratch[slot])
                                 : decoder_.refine_cell(result.peaks[i]);
      const Point point = cell.usable ? persons[person].transform.inverse(decoder_.to_input(cell)) : persons[person].centre;
      work.keypoints[i] = {to_float(point.x), to_float(point.y), cell.score};
    }
  });
}

PoseEstimator::PoseEstimator(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
PoseEstimator::PoseEstimator(PoseEstimator&&) noexcept = default;
PoseEstimator& PoseEstimator::operator=(PoseEstimator&&) noexcept = default;
PoseEstimator::~PoseEstimator() {
  // A forked child has no use for it, and whoever frees it there may wait for a lock that a lost thread held.
  if (impl_ && impl_->forked()) (void)impl_.release();  // NOLINT(bugprone-unused-return-value)
}

const ModelInfo& PoseEstimator::info() const noexcept { return impl_->info(); }
const KeypointSet& PoseEstimator::keypoints() const noexcept { return impl_->keypoints(); }
const std::string& PoseEstimator::device() const noexcept { return impl_->device(); }

std::vector<ImageResult> PoseEstimator::estimate_batch(std::span<const ImageBoxes> images, const RunControl& control) const {
  return impl_->estimate(images, control);
}

ImageResult PoseEstimator::estimate(const ImageView& image, std::span<const Box> boxes, const RunControl& control) const {
  const ImageBoxes input{image, boxes};
  ImageResult result = std::move(impl_->estimate({&input, 1}, control).front());
  if (result.code != ErrorCode::ok) throw Error(result.code, result.message);
  return result;
}

PoseEstimator EstimatorAccess::make(std::shared_ptr<ModelBackend> backend, EstimatorOptions options) {
  return PoseEstimator(std::make_unique<PoseEstimator::Impl>(std::move(backend), std::move(options)));
}

}  // namespace posekit::inline v0
