/// PersonDetector: plans the windows of a call's images, and turns what the model gives for them into boxes.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <span>
#include <utility>

#include "backend/batch_loop.h"
#include "base/fork_guard.h"
#include "base/log.h"
#include "base/object_pool.h"
#include "base/process_end.h"
#include "detection/nms.h"
#include "detection/tiles.h"
#include "geometry/letterbox.h"
#include "model/model_info.h"
#include "posekit/detector.h"

namespace posekit::inline v0 {
namespace {

using Clock = std::chrono::steady_clock;

/// One window of a call.
struct PlannedWindow {
  std::size_t image = 0;
  Window window;
  CropTransform transform;  ///< From the window's pixels to the model's input.
};

/// What a call's detections above the threshold are like.
struct Tally {
  std::size_t all = 0;
  std::size_t broken = 0;       ///< No boxes: not finite, or empty.
  std::size_t within_unit = 0;  ///< Of the others, those with all corners in 0..1.
};

/// Memory of one call, reused by the next.
struct Workspace {
  Tally tally;
  std::vector<PlannedWindow> windows;
  std::vector<std::vector<Box>> boxes;  ///< Of each window.
  BatchLoop<PlannedWindow> loop;
};

Box map_back(const float* corners, float score, const PlannedWindow& planned) {
  const Point first = planned.transform.inverse({corners[0], corners[1]});
  const Point last = planned.transform.inverse({corners[2], corners[3]});
  return {first.x + planned.window.x, first.y + planned.window.y, last.x + planned.window.x, last.y + planned.window.y, score};
}

/// The people among one window's candidates, in image pixels.
void collect(const ModelOutput& output, std::size_t row, const PlannedWindow& planned, Size image, const DetectInfo& info, Tally& tally,
             std::vector<Box>& boxes) {
  const std::size_t count = output.tensors[0].shape[1];
  const float* corners = output.tensors[0].data + row * count * 4;
  const float* scores = output.tensors[1].data + row * count;
  const float* labels = output.tensors.size() > 2 ? output.tensors[2].data + row * count : nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const float label = labels == nullptr ? static_cast<float>(info.person_label) : labels[i];
    if (!is_person(scores[i], label, info)) continue;
    const std::span<const float, 4> corner(corners + 4 * i, 4);
    ++tally.all;
    if (!std::ranges::all_of(corner, [](float value) { return std::isfinite(value); }) || corner[2] <= corner[0] ||
        corner[3] <= corner[1]) {
      ++tally.broken;
      continue;
    }
    if (std::ranges::all_of(corner, [](float value) { return value >= 0 && value <= 1; })) ++tally.within_unit;
    const Box box = map_back(corner.data(), scores[i], planned);
    if (!touches_inner_border(box, planned.window, image)) boxes.push_back(box);
  }
}

/// What is left after suppression, inside the image, best first.
std::vector<Box> suppressed(std::span<const Box> boxes, Size image, const DetectInfo& info) {
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
  if (options.score_threshold) override_score_threshold(info, *options.score_threshold);
  if (options.nms_iou) override_nms_iou(info, *options.nms_iou);
  if (options.max_persons) override_max_persons(info, *options.max_persons);
  for (const double fraction : options.tiles) {
    // Below 1/64 the number of tiles of one image would pass 10,000.
    if (!(fraction >= 1.0 / 64 && fraction <= 1)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("tile size {} was given, a fraction of the longer side from 1/64 to 1 is expected", fraction));
    }
  }
  return info;
}

}  // namespace

class PersonDetector::Impl {
 public:
  Impl(Model model, DetectorOptions options)
      : model_(std::move(model)),
        backend_(model_.backend_for(Task::detect)),
        executor_(options.executor ? std::move(options.executor) : std::make_shared<SerialExecutor>()),
        info_(with_options(backend_->info(), options)),
        tiles_(std::move(options.tiles)),
        max_batch_(options.max_batch, *backend_) {}

  std::vector<DetectionResult> detect(std::span<const ImageView> images, const RunControl& control);

  const Model& model() const noexcept { return model_; }
  const ModelInfo& info() const noexcept { return info_; }
  bool forked() const noexcept { return fork_guard_.forked(); }

 private:
  void plan_image(const ImageView& image, std::size_t index, std::vector<PlannedWindow>& windows) const;
  CropTask crop_of(const PlannedWindow& planned, const ImageView& image) const;
  void warn_once(const Tally& tally);
  void join_windows(std::span<const ImageView> images, std::vector<DetectionResult>& results, Workspace& work) const;

  ForkGuard fork_guard_;
  Model model_;
  std::shared_ptr<ModelBackend> backend_;
  std::shared_ptr<Executor> executor_;
  ModelInfo info_;
  std::vector<double> tiles_;
  BatchLimit max_batch_;
  DecodeRequest whole_output_;
  ObjectPool<Workspace> workspaces_;
  std::atomic<bool> warned_of_broken_ = false;
  std::atomic<bool> warned_of_shares_ = false;
};

std::vector<DetectionResult> PersonDetector::Impl::detect(std::span<const ImageView> images, const RunControl& control) {
  fork_guard_.check("PersonDetector");
  std::vector<DetectionResult> results(images.size());
  const auto work = workspaces_.take();
  work->windows.clear();
  work->tally = {};
  for (std::size_t i = 0; i < images.size(); ++i) set_error(results[i], outcome_of([&] { plan_image(images[i], i, work->windows); }));
  if (work->boxes.size() < work->windows.size()) work->boxes.resize(work->windows.size());
  for (std::vector<Box>& boxes : work->boxes) boxes.clear();

  const auto crop = [&](const PlannedWindow& planned) { return crop_of(planned, images[planned.image]); };
  const auto deliver = [&](const InFlightBatch<PlannedWindow>& batch, const BatchResult& result) {
    const auto start = Clock::now();
    const auto first = static_cast<std::size_t>(batch.items.data() - work->windows.data());
    for (std::size_t i = 0; i < batch.items.size(); ++i) {
      collect(result.output, i, batch.items[i], images[batch.items[i].image].size(), info_.detect(), work->tally, work->boxes[first + i]);
    }
    const Milliseconds share = (batch.preprocess + batch.inference + (Clock::now() - start)) / static_cast<double>(batch.items.size());
    for (const PlannedWindow& window : batch.items) results[window.image].timings.detect += share;
  };
  const auto fail_window = [&](const PlannedWindow& window, const Outcome& outcome) { set_error(results[window.image], outcome); };
  work->loop.run(work->windows, {*backend_, whole_output_, *executor_, max_batch_}, control, BatchWork{crop, deliver, fail_window});
  warn_once(work->tally);
  join_windows(images, results, *work);
  return results;
}

/// Detections that contradict what a detector should give, for the first call that has some.
void PersonDetector::Impl::warn_once(const Tally& tally) {
  if (tally.broken > 0 && !warned_of_broken_.exchange(true)) {
    log(LogLevel::warning,
        fmt::format("model \"{}\": {} of {} detections are no boxes (x2 <= x1, y2 <= y1 or not finite) and were dropped: check "
                    "that it gives corners x1, y1, x2, y2",
                    info_.name, tally.broken, tally.all));
  }
  const std::size_t boxes = tally.all - tally.broken;
  if (boxes > 0 && tally.within_unit == boxes && !warned_of_shares_.exchange(true)) {
    log(LogLevel::warning,
        fmt::format("model \"{}\": the boxes of all {} detections are within 0..1, as shares of the sides are, pixels of its "
                    "{}x{} input are expected: scale them in its forward",
                    info_.name, boxes, info_.input.width, info_.input.height));
  }
}

/// The people of each image from those of its windows, in the windows' order, whatever order they were computed in. An image whose windows
/// were not all computed has no people, rather than half of them.
void PersonDetector::Impl::join_windows(std::span<const ImageView> images, std::vector<DetectionResult>& results, Workspace& work) const {
  for (std::size_t i = 0; i < work.windows.size(); ++i) {
    std::vector<Box>& boxes = results[work.windows[i].image].boxes;
    boxes.insert(boxes.end(), work.boxes[i].begin(), work.boxes[i].end());
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    results[i].boxes =
        results[i].code == ErrorCode::ok ? suppressed(results[i].boxes, images[i].size(), info_.detect()) : std::vector<Box>{};
  }
}

void PersonDetector::Impl::plan_image(const ImageView& image, std::size_t index, std::vector<PlannedWindow>& windows) const {
  validate(image);
  for (const Window& window : plan_windows(image.size(), tiles_)) {
    windows.push_back({index, window, resize_transform(window.size, info_.input.size(), info_.detect())});
  }
}

CropTask PersonDetector::Impl::crop_of(const PlannedWindow& planned, const ImageView& image) const {
  return {view_of(image, planned.window),
          {.transform = planned.transform,
           .size = info_.input.size(),
           .color = info_.input.color,
           .border = static_cast<std::uint8_t>(info_.detect().pad_value)}};
}

PersonDetector::PersonDetector(Model model, DetectorOptions options)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(options))) {}
PersonDetector::PersonDetector(const std::filesystem::path& model, DetectorOptions options)
    : PersonDetector(Model(model), std::move(options)) {}
PersonDetector::PersonDetector(PersonDetector&&) noexcept = default;
PersonDetector& PersonDetector::operator=(PersonDetector&& other) noexcept {
  PersonDetector old(std::move(*this));  // whose destructor looks whether it may free it
  impl_ = std::move(other.impl_);
  return *this;
}
PersonDetector::~PersonDetector() {
  // Not in a forked child: freeing it there may wait for a lock that a thread of the parent held. Nor while the process ends: without
  // Torch.
  if (impl_ && (impl_->forked() || process_is_ending())) keep_for_ever(std::move(impl_));
}

const ModelInfo& PersonDetector::info() const noexcept { return impl_->info(); }
const Model& PersonDetector::model() const noexcept { return impl_->model(); }

std::vector<DetectionResult> PersonDetector::detect_batch(std::span<const ImageView> images, const RunControl& control) const {
  return impl_->detect(images, control);
}

std::vector<Box> PersonDetector::detect(const ImageView& image, const RunControl& control) const {
  DetectionResult result = std::move(impl_->detect({&image, 1}, control).front());
  if (result.code != ErrorCode::ok) throw Error(result.code, result.message);
  return std::move(result.boxes);
}

}  // namespace posekit::inline v0
