/// PoseEstimator: plans crops for the people of a call, and turns what the model gives for them into poses.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "backend/batch_loop.h"
#include "base/fork_guard.h"
#include "base/object_pool.h"
#include "base/process_end.h"
#include "codec/decode.h"
#include "geometry/image_checks.h"
#include "model/model_info.h"
#include "posekit/estimator.h"

namespace posekit::inline v0 {
namespace {

using Clock = std::chrono::steady_clock;

/// Values that one task decodes: enough to make the cost of waking a worker negligible, few enough for one person's decode to use a whole
/// pool. Less work wakes no worker: Torch's own threads still hold the CPUs after a forward, and a worker among them delays the next one.
constexpr std::size_t values_per_task = std::size_t{1} << 18;

/// One person of a call.
struct Person {
  std::size_t image = 0;
  std::size_t box_index = 0;
  Point centre;
  CropTransform transform;
};

/// Memory of one call, reused by the next.
struct Workspace {
  std::vector<Person> persons;
  std::vector<Keypoint> keypoints;  ///< Of one batch, person by person.
  std::vector<DecodeScratch> decode_scratch;
  BatchLoop<Person> loop;
};

/// Coordinates stay finite, also for boxes beyond what a float can hold.
float to_float(double value) noexcept {
  constexpr double limit = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -limit, limit));
}

ModelInfo with_options(ModelInfo info, const EstimatorOptions& options) {
  if (options.box_padding) override_box_padding(info, *options.box_padding);
  if (options.flip_test && !info.pose().keypoints.can_mirror()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the flip test needs left/right partners, keypoint set \"{}\" has none: add \"swap\" to its "
                            "keypoints, or turn the flip test off",
                            info.pose().keypoints.name));
  }
  return info;
}

DecodeRequest decode_request(const ModelInfo& info, const EstimatorOptions& options) {
  DecodeRequest request = make_decode_request(info);
  if (!options.keypoints.empty()) request.channels = select_keypoints(info.pose().keypoints, options.keypoints);
  request.flip_test = options.flip_test;
  return request;
}

}  // namespace

class PoseEstimator::Impl {
 public:
  Impl(Model model, EstimatorOptions options);

  std::vector<ImageResult> estimate(std::span<const ImageBoxes> images, const RunControl& control);

  const Model& model() const noexcept { return model_; }
  const ModelInfo& info() const noexcept { return info_; }
  const KeypointSet& keypoints() const noexcept { return keypoints_; }
  bool forked() const noexcept { return fork_guard_.forked(); }

 private:
  void check_image(const ImageView& image) const;
  void plan_image(const ImageBoxes& input, std::size_t image, ImageResult& result, std::vector<Person>& persons) const;
  void decode(const BatchResult& result, std::span<const Person> persons, Workspace& work);
  void deliver(const InFlightBatch<Person>& batch, Milliseconds postprocess, std::span<const ImageBoxes> images,
               std::vector<ImageResult>& results, const Workspace& work) const;

  ForkGuard fork_guard_;
  Model model_;
  std::shared_ptr<ModelBackend> backend_;
  std::shared_ptr<Executor> executor_;
  ModelInfo info_;
  Decoder decoder_;
  KeypointSet keypoints_;  ///< Of the wanted channels, in their order.
  BatchLimit max_batch_;
  ObjectPool<Workspace> workspaces_;
};

PoseEstimator::Impl::Impl(Model model, EstimatorOptions options)
    : model_(std::move(model)),
      backend_(model_.backend_for(Task::pose)),
      executor_(options.executor ? std::move(options.executor) : std::make_shared<SerialExecutor>()),
      info_(with_options(backend_->info(), options)),
      decoder_(info_, decode_request(info_, options)),
      keypoints_(subset(info_.pose().keypoints, decoder_.request().channels)),
      max_batch_(options.max_batch, *backend_) {}

std::vector<ImageResult> PoseEstimator::Impl::estimate(std::span<const ImageBoxes> images, const RunControl& control) {
  fork_guard_.check("PoseEstimator");
  std::vector<ImageResult> results(images.size());
  const auto work = workspaces_.take();
  work->persons.clear();
  for (std::size_t i = 0; i < images.size(); ++i) plan_image(images[i], i, results[i], work->persons);

  const auto crop = [&](const Person& person) -> CropTask {
    return {images[person.image].image,
            {.transform = person.transform,
             .size = info_.input.size(),
             .color = info_.input.color,
             .border = 0,
             .enlarge = info_.pose().enlarge}};
  };
  const auto deliver_batch = [&](const InFlightBatch<Person>& batch, const BatchResult& result) {
    const auto start = Clock::now();
    decode(result, batch.items, *work);
    deliver(batch, Clock::now() - start, images, results, *work);
  };
  const auto fail_person = [&](const Person& person, const Outcome& outcome) { set_error(results[person.image], outcome); };
  work->loop.run(work->persons, {*backend_, decoder_.request(), *executor_, max_batch_}, control,
                 BatchWork{crop, deliver_batch, fail_person});

  // Batches may be collected in another order than they were submitted in.
  for (ImageResult& result : results) {
    if (!std::ranges::is_sorted(result.poses, {}, &Pose::box_index)) std::ranges::sort(result.poses, {}, &Pose::box_index);
  }
  return results;
}

/// An image on a device is cropped there or nowhere: never copied behind the caller's back.
void PoseEstimator::Impl::check_image(const ImageView& image) const {
  check_view(image);
  if (!image.on_device()) return;
  const std::string there = to_string(Device{DeviceKind::cuda, image.cuda_device});
  const std::string here = to_string(model_.devices());
  if (there == here) return;
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("image: its pixels are on {}, the model runs on {}: load the model with device \"{}\", or copy the image to the host",
                  there, here, there));
}

/// Adds the image's people to the plan; what can't be planned is reported in the result.
void PoseEstimator::Impl::plan_image(const ImageBoxes& input, std::size_t image, ImageResult& result, std::vector<Person>& persons) const {
  const Outcome outcome = outcome_of([&] { check_image(input.image); });
  if (!outcome.ok()) return set_error(result, outcome);

  result.poses.reserve(input.boxes.size());
  for (std::size_t i = 0; i < input.boxes.size(); ++i) {
    const Outcome planned = outcome_of([&] {
      const CropRegion region = crop_region(input.boxes[i], info_.input.size(), info_.pose().box_padding);
      persons.push_back({image, i, region.centre, crop_transform(region, info_.input.size(), info_.pose().alignment)});
    });
    if (!planned.ok()) result.box_errors.push_back({i, planned.code, fmt::format("box {}: {}", i, planned.message)});
  }
}

void PoseEstimator::Impl::deliver(const InFlightBatch<Person>& batch, Milliseconds postprocess, std::span<const ImageBoxes> images,
                                  std::vector<ImageResult>& results, const Workspace& work) const {
  const auto share = static_cast<double>(batch.items.size());
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    const Person& person = batch.items[i];
    ImageResult& result = results[person.image];
    const auto first = work.keypoints.begin() + static_cast<std::ptrdiff_t>(i * keypoints_.size());
    result.poses.push_back({.box = images[person.image].boxes[person.box_index],
                            .box_index = person.box_index,
                            .keypoints = {first, first + static_cast<std::ptrdiff_t>(keypoints_.size())},
                            .track_id = std::nullopt});
    result.timings.preprocess += batch.preprocess / share;
    result.timings.inference += batch.inference / share;
    result.timings.postprocess += postprocess / share;
  }
}

/// Not interrupted: what the model has given is finished.
void PoseEstimator::Impl::decode(const BatchResult& result, std::span<const Person> persons, Workspace& work) {
  const std::size_t count = persons.size() * keypoints_.size();
  const std::size_t per_task = std::max<std::size_t>(values_per_task / decoder_.cost(!result.peaks.empty()), 1);
  work.keypoints.resize(count);
  if (work.decode_scratch.size() < executor_->slots()) work.decode_scratch.resize(executor_->slots());
  for (DecodeScratch& scratch : work.decode_scratch) decoder_.reserve(scratch);

  executor_->parallel_for((count + per_task - 1) / per_task, [&](std::size_t index, std::size_t slot) {
    for (std::size_t i = index * per_task; i < std::min((index + 1) * per_task, count); ++i) {
      const std::size_t person = i / keypoints_.size();
      const CellPoint cell = result.peaks.empty()
                                 ? decoder_.decode_cell(result.output, person, i % keypoints_.size(), work.decode_scratch[slot])
                                 : decoder_.refine_cell(result.peaks[i]);
      const Point point = cell.usable ? persons[person].transform.inverse(decoder_.to_input(cell)) : persons[person].centre;
      work.keypoints[i] = {to_float(point.x), to_float(point.y), cell.score};
    }
  });
}

PoseEstimator::PoseEstimator(Model model, EstimatorOptions options) : impl_(std::make_unique<Impl>(std::move(model), std::move(options))) {}
PoseEstimator::PoseEstimator(const std::filesystem::path& model, EstimatorOptions options)
    : PoseEstimator(Model(model), std::move(options)) {}
PoseEstimator::PoseEstimator(PoseEstimator&&) noexcept = default;
PoseEstimator& PoseEstimator::operator=(PoseEstimator&& other) noexcept {
  PoseEstimator old(std::move(*this));  // whose destructor looks whether it may free it
  impl_ = std::move(other.impl_);
  return *this;
}
PoseEstimator::~PoseEstimator() {
  // Not in a forked child: freeing it there may wait for a lock that a thread of the parent held. Nor while the process ends: without
  // Torch.
  if (impl_ && (impl_->forked() || process_is_ending())) keep_for_ever(std::move(impl_));
}

const ModelInfo& PoseEstimator::info() const noexcept { return impl_->info(); }
const KeypointSet& PoseEstimator::keypoints() const noexcept { return impl_->keypoints(); }
const Model& PoseEstimator::model() const noexcept { return impl_->model(); }

std::vector<ImageResult> PoseEstimator::estimate_batch(std::span<const ImageBoxes> images, const RunControl& control) const {
  return impl_->estimate(images, control);
}

ImageResult PoseEstimator::estimate(const ImageView& image, std::span<const Box> boxes, const RunControl& control) const {
  const ImageBoxes input{image, boxes};
  ImageResult result = std::move(impl_->estimate({&input, 1}, control).front());
  if (result.code != ErrorCode::ok) throw Error(result.code, result.message);
  return result;
}

}  // namespace posekit::inline v0
