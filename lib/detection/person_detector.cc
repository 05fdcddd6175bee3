/// PersonDetector: plans the looks at a call's images and runs them through the model, batch by batch.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "backend/batch_limit.h"
#include "base/fork_guard.h"
#include "base/object_pool.h"
#include "base/outcome.h"
#include "detection/detector_access.h"
#include "detection/nms.h"
#include "detection/tiles.h"
#include "geometry/letterbox.h"
#include "model/model_info.h"
#include "preprocess/staging.h"

namespace posekit::inline v0 {
namespace {

using Clock = std::chrono::steady_clock;

/// One window of a call.
struct PlannedWindow {
  std::size_t image = 0;
  Window window;
  CropTransform transform;  ///< From the window's pixels to the model's input.
};

/// Memory of one call, reused by the next.
struct Workspace {
  std::vector<PlannedWindow> windows;
  std::vector<CropTask> crops;
  Staging staging;
};

void fail(DetectionResult& result, const Outcome& outcome) {
  if (outcome.ok() || result.code != ErrorCode::ok) return;
  result.code = outcome.code;
  result.message = outcome.message;
}

Box map_back(const float* corners, float score, const PlannedWindow& planned) {
  const Point first = planned.transform.inverse({corners[0], corners[1]});
  const Point last = planned.transform.inverse({corners[2], corners[3]});
  return {first.x + planned.window.x, first.y + planned.window.y, last.x + planned.window.x, last.y + planned.window.y, score};
}

/// The people among one window's candidates, in image pixels.
void collect(const ModelOutput& output, std::size_t row, const PlannedWindow& planned, Size image, const ModelInfo& info,
             std::vector<Box>& boxes) {
  const std::size_t count = output.tensors[0].shape[1];
  const float* corners = output.tensors[0].data + row * count * 4;
  const float* scores = output.tensors[1].data + row * count;
  const float* labels = output.tensors.size() > 2 ? output.tensors[2].data + row * count : nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const float label = labels == nullptr ? static_cast<float>(info.person_label) : labels[i];
    if (!is_person(scores[i], label, info)) continue;
    const Box box = map_back(corners + 4 * i, scores[i], planned);
    if (!touches_inner_border(box, planned.window, image)) boxes.push_back(box);
  }
}

/// What is left after suppression, inside the image, best first.
std::vector<Box> finish(std::span<const Box> boxes, Size image, const ModelInfo& info) {
  std::vector<Box> kept;
  for (const std::size_t i : nms(boxes, info.nms_iou)) {
    if (kept.size() == info.max_persons) break;
    Box box = boxes[i];
    box.x1 = std::clamp(box.x1, 0.0, static_cast<double>(image.width));
    box.x2 = std::clamp(box.x2, 0.0, static_cast<double>(image.width));
    box.y1 = std::clamp(box.y1, 0.0, static_cast<double>(image.height));
    box.y2 = std::clamp(box.y2, 0.0, static_cast<double>(image.height));
    if (is_valid(box)) kept.push_back(box);
  }
  return kept;
}

ModelInfo with_options(ModelInfo info, const DetectorOptions& options) {
  if (info.task != Task::detect) {
    throw Error(ErrorCode::invalid_argument, fmt::format("model \"{}\" has task \"{}\", a detector was expected: pass it as a pose model",
                                                         info.name, to_string(info.task)));
  }
  if (options.score_threshold) override_score_threshold(info, *options.score_threshold);
  if (options.nms_iou) override_nms_iou(info, *options.nms_iou);
  if (options.max_persons) override_max_persons(info, *options.max_persons);
  for (const double fraction : options.tiles) {
    // Below 1/64 the number of tiles of one image would pass 10,000.
    if (!(fraction >= 1.0 / 64 && fraction <= 1)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("tile size {} was given, a fraction of the longer side from 1/64 to 1 was expected", fraction));
    }
  }
  return info;
}

}  // namespace

class PersonDetector::Impl {
 public:
  Impl(std::shared_ptr<ModelBackend> backend, DetectorOptions options)
      : backend_(std::move(backend)),
        executor_(options.executor ? std::move(options.executor) : std::make_shared<SerialExecutor>()),
        info_(with_options(backend_->info(), options)),
        tiles_(std::move(options.tiles)),
        max_batch_(options.max_batch, *backend_) {}

  std::vector<DetectionResult> detect(std::span<const ImageView> images, const RunControl& control);

  const ModelInfo& info() const noexcept { return info_; }
  const std::string& device() const noexcept { return backend_->device(); }
  bool forked() const noexcept { return fork_guard_.forked(); }

 private:
  void plan_image(const ImageView& image, std::size_t index, std::vector<PlannedWindow>& windows) const;
  ModelOutput run_batch(std::span<const PlannedWindow> windows, std::span<const ImageView> images, Workspace& work,
                        const RunControl& control);
  void collect_batch(const ModelOutput& output, std::span<const PlannedWindow> windows, std::span<const ImageView> images,
                     std::vector<DetectionResult>& results) const;

  ForkGuard fork_guard_;
  std::shared_ptr<ModelBackend> backend_;
  std::shared_ptr<Executor> executor_;
  ModelInfo info_;
  std::vector<double> tiles_;
  BatchLimit max_batch_;
  ObjectPool<Workspace> workspaces_;
};

std::vector<DetectionResult> PersonDetector::Impl::detect(std::span<const ImageView> images, const RunControl& control) {
  fork_guard_.check("PersonDetector");
  std::vector<DetectionResult> results(images.size());
  const auto work = workspaces_.take();
  work->windows.clear();
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Outcome outcome = outcome_of([&] { plan_image(images[i], i, work->windows); });
    if (!outcome.ok()) fail(results[i], outcome);
  }

  std::span<const PlannedWindow> windows = work->windows;
  while (!windows.empty()) {
    const auto batch = windows.first(std::min(max_batch_.size(), windows.size()));
    ModelOutput output;
    const auto start = Clock::now();
    Outcome outcome = outcome_of([&] { output = run_batch(batch, images, *work, control); });
    if (outcome.code == ErrorCode::out_of_memory && max_batch_.lower_below(batch.size(), info_.name)) continue;
    if (outcome.ok()) outcome = outcome_of([&] { collect_batch(output, batch, images, results); });
    const Milliseconds share = (Clock::now() - start) / static_cast<double>(batch.size());
    for (const PlannedWindow& window : batch) results[window.image].timings.detect += share;
    const auto concerned = outcome.ends_call() ? windows : batch;
    for (const PlannedWindow& window : concerned) fail(results[window.image], outcome);
    windows = windows.subspan(concerned.size());
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    // An image whose windows were not all seen has no answer, rather than half of one.
    results[i].boxes = results[i].code == ErrorCode::ok ? finish(results[i].boxes, images[i].size(), info_) : std::vector<Box>{};
  }
  return results;
}

void PersonDetector::Impl::plan_image(const ImageView& image, std::size_t index, std::vector<PlannedWindow>& windows) const {
  validate(image);
  for (const Window& window : plan_windows(image.size(), tiles_))
    windows.push_back({index, window, resize_transform(window.size, info_.input)});
}

ModelOutput PersonDetector::Impl::run_batch(std::span<const PlannedWindow> windows, std::span<const ImageView> images, Workspace& work,
                                            const RunControl& control) {
  control.check();
  work.crops.clear();
  for (const PlannedWindow& planned : windows) {
    work.crops.push_back({view_of(images[planned.image], planned.window),
                          {.transform = planned.transform,
                           .size = info_.input.size(),
                           .color = info_.input.color,
                           .border = static_cast<std::uint8_t>(info_.input.pad_value)}});
  }
  stage_crops(work.crops, info_.input, backend_->crop_format(), *executor_, control, work.staging);
  return backend_->run({work.staging.data(), windows.size()}, control);
}

void PersonDetector::Impl::collect_batch(const ModelOutput& output, std::span<const PlannedWindow> windows,
                                         std::span<const ImageView> images, std::vector<DetectionResult>& results) const {
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const std::size_t image = windows[i].image;
    collect(output, i, windows[i], images[image].size(), info_, results[image].boxes);
  }
}

PersonDetector::PersonDetector(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
PersonDetector::PersonDetector(PersonDetector&&) noexcept = default;
PersonDetector& PersonDetector::operator=(PersonDetector&&) noexcept = default;
PersonDetector::~PersonDetector() {
  // A forked child has no use for it, and whoever frees it there may wait for a lock that a lost thread held.
  if (impl_ && impl_->forked()) (void)impl_.release();  // NOLINT(bugprone-unused-return-value)
}

const ModelInfo& PersonDetector::info() const noexcept { return impl_->info(); }
const std::string& PersonDetector::device() const noexcept { return impl_->device(); }

std::vector<DetectionResult> PersonDetector::detect_batch(std::span<const ImageView> images, const RunControl& control) const {
  return impl_->detect(images, control);
}

std::vector<Box> PersonDetector::detect(const ImageView& image, const RunControl& control) const {
  DetectionResult result = std::move(impl_->detect({&image, 1}, control).front());
  if (result.code != ErrorCode::ok) throw Error(result.code, result.message);
  return std::move(result.boxes);
}

PersonDetector DetectorAccess::make(std::shared_ptr<ModelBackend> backend, DetectorOptions options) {
  return PersonDetector(std::make_unique<PersonDetector::Impl>(std::move(backend), std::move(options)));
}

}  // namespace posekit::inline v0
