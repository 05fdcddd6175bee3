/// Pipelines: streams of frames.
#include "posekit/pipeline.h"

#include <algorithm>
#include <limits>

#include "arguments.h"
#include "guard.h"
#include "handles.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

/// Keeps a frame's pixels, and what the caller wants back.
struct Lease {
  explicit Lease(const posekit_frame& frame) : release(frame.release), opaque(frame.opaque) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (release != nullptr) release(opaque);
  }
  void (*release)(void*);
  void* opaque;
};

std::chrono::microseconds microseconds(std::uint64_t given, const char* name) {
  if (given > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    fail(std::string(name) + " is " + std::to_string(given) + ", a year at most is expected");
  return std::chrono::microseconds(given);
}

posekit::PipelineOptions pipeline_options(const posekit_pipeline_options* given) {
  constexpr std::size_t first_size = offsetof(posekit_pipeline_options, tracker) + sizeof(void*);
  const auto options = read_options(given, first_size, "posekit_pipeline_options");
  check_reserved(options.reserved, "posekit_pipeline_options");
  check_enumerator(options.overflow, POSEKIT_OVERFLOW_LATEST + 1, "overflow");
  posekit::PipelineOptions result;
  result.overflow = static_cast<posekit::Overflow>(options.overflow);
  result.queue_frames = options.queue_frames;
  result.batch_frames = options.batch_frames;
  result.batch_wait = microseconds(options.batch_wait_us, "batch_wait_us");
  result.detect_every = std::max<std::size_t>(options.detect_every, 1);
  result.detect_calls = options.detect_calls;
  result.estimate_calls = options.estimate_calls;
  if (options.frame_timeout_us != 0) result.frame_timeout = microseconds(options.frame_timeout_us, "frame_timeout_us");
  if (options.tracker != nullptr) result.tracker = options.tracker->tracker;
  return result;
}

/// Hands a result to the caller's sink. @throws posekit::Error with what the sink returned
class Sink {
 public:
  Sink(std::shared_ptr<const posekit::PoseEstimator> estimator, posekit_sink sink, void* context)
      : estimator_(std::move(estimator)), sink_(sink), context_(context) {}

  void operator()(posekit::PipelineResult out) const {
    std::vector<posekit_box> boxes;
    for (const posekit::Box& box : out.boxes) boxes.push_back(c_box(box));
    posekit_frame frame = POSEKIT_FRAME_INIT;
    frame.image = c_image(out.frame.image);
    frame.boxes = boxes.data();
    frame.box_count = boxes.size();
    frame.index = out.frame.index;
    frame.time_s = out.frame.time_s;
    frame.opaque = static_cast<const Lease*>(out.frame.owner.get())->opaque;
    frame.has_boxes = 1;

    const bool detected = out.detected;
    const posekit::Size size = out.frame.image.size();
    const posekit_status status = sink_(context_, &frame, detected ? 1 : 0, new_result(estimator_, size, std::move(out)));
    if (status == POSEKIT_OK) return;
    const bool known = status > POSEKIT_OK && status <= POSEKIT_ERROR_INTERNAL;
    throw posekit::Error(known ? static_cast<posekit::ErrorCode>(status) : posekit::ErrorCode::internal,
                         "the sink has returned " + std::to_string(status) + " (" + posekit_status_name(status) + ")");
  }

 private:
  std::shared_ptr<const posekit::PoseEstimator> estimator_;
  posekit_sink sink_;
  void* context_;
};

posekit_time_stats time_stats(const posekit::TimeStats& stats) {
  return {stats.count, stats.mean.count(), stats.p50.count(), stats.p99.count()};
}

}  // namespace

posekit_status posekit_pipeline_create(const posekit_predictor* predictor, posekit_sink sink, void* context,
                                       const posekit_pipeline_options* options, posekit_pipeline** pipeline) {
  return guard([&] {
    clear(pipeline);
    require(pipeline, "pipeline");
    const posekit_predictor& shared = require(predictor, "predictor");
    if (sink == nullptr) fail("sink is NULL: pass a function");
    *pipeline = new posekit_pipeline{
        std::make_shared<posekit::Pipeline>(shared.predictor, Sink(shared.estimator, sink, context), pipeline_options(options))};
  });
}

posekit_status posekit_pipeline_submit(posekit_pipeline* pipeline, const posekit_frame* frame, const posekit_control* control,
                                       int32_t* accepted) {
  return guard([&] {
    clear(accepted);
    constexpr std::size_t first_size = offsetof(posekit_frame, reserved) + sizeof(frame->reserved);
    require(frame, "frame");
    const posekit_frame given = read_options(frame, first_size, "posekit_frame");
    posekit::PipelineInput input;
    input.frame.owner = std::make_shared<const Lease>(given);
    require(accepted, "accepted");
    check_reserved(given.reserved, "posekit_frame");
    input.frame.image = image_view(given.image);
    input.frame.index = static_cast<std::size_t>(given.index);
    input.frame.time_s = given.time_s;
    if (boolean(given.has_boxes, "has_boxes")) input.boxes = boxes(given.boxes, given.box_count);
    *accepted = require(pipeline, "pipeline").pipeline->submit(std::move(input), run_control(control)) ? 1 : 0;
  });
}

posekit_status posekit_pipeline_close(posekit_pipeline* pipeline, const posekit_control* control) {
  return guard([&] { require(pipeline, "pipeline").pipeline->close(run_control(control)); });
}

posekit_status posekit_pipeline_cancel(posekit_pipeline* pipeline) {
  return guard([&] { require(pipeline, "pipeline").pipeline->cancel(); });
}

posekit_status posekit_pipeline_metrics(const posekit_pipeline* pipeline, posekit_metrics* metrics) {
  return guard([&] {
    const posekit::PipelineMetrics now = require(pipeline, "pipeline").pipeline->metrics();
    constexpr std::size_t first_size = offsetof(posekit_metrics, age) + sizeof(metrics->age);
    fill_struct(require(metrics, "metrics"), first_size, "posekit_metrics", [&] {
      return posekit_metrics{.struct_size = 0,
                             .accepted = now.accepted,
                             .refused = now.refused,
                             .delivered = now.delivered,
                             .failed = now.failed,
                             .dropped = now.dropped,
                             .in_flight = now.in_flight,
                             .fps = now.fps,
                             .detect = {now.detect.waiting, time_stats(now.detect.time)},
                             .estimate = {now.estimate.waiting, time_stats(now.estimate.preprocess), time_stats(now.estimate.inference),
                                          time_stats(now.estimate.postprocess)},
                             .track = {now.track.waiting, time_stats(now.track.time)},
                             .sink = {now.sink.waiting, time_stats(now.sink.time)},
                             .age = time_stats(now.age)};
    });
  });
}

void posekit_pipeline_destroy(posekit_pipeline* pipeline) { delete pipeline; }
