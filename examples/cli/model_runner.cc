/// The models of a run, and how they are kept busy.
#include "model_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "interrupt.h"
#include "models.h"
#include "posekit/error.h"
#include "posekit/executor.h"
#include "posekit/model.h"
#include "posekit/result_io.h"
#include "posekit/runtime.h"
#include "posekit/tracker.h"

namespace cli {
namespace {

using posekit::ErrorCode;

constexpr std::size_t most_calls = 4;  // each holds a forward's memory

/// Forwards side by side give more than threads inside one: the CPUs are shared out among a few calls.
/// Whoever sets the environment's number means it. A GPU's forwards need none.
/// @return how many calls of a model run side by side
std::size_t share_out_cpus(int asked, std::size_t threads) {
  const bool environment = std::getenv("OMP_NUM_THREADS") != nullptr || std::getenv("MKL_NUM_THREADS") != nullptr;
  const std::size_t cpus = posekit::usable_cpus();
  const std::size_t calls = std::min({threads, cpus, most_calls});
  if (asked > 0) {
    posekit::set_torch_threads(asked);
  } else if (!environment) {
    const int share = static_cast<int>(std::max<std::size_t>(1, cpus / calls));
    if (posekit::torch_threads() > share) posekit::set_torch_threads(share);
  }
  const auto inside = static_cast<std::size_t>(std::max(1, posekit::torch_threads()));
  return std::clamp<std::size_t>(cpus / inside, 1, calls);
}

std::chrono::steady_clock::duration seconds(double value) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(value));
}

}  // namespace

ModelRunner::ModelRunner(const EstimateOptions& options, bool needs_detector, Progress& progress)
    : options_(options), needs_detector_(needs_detector), progress_(progress) {
  if (!options.quiet) {
    posekit::set_log_callback([&](posekit::LogLevel, std::string_view text) { progress_.message(fmt::format("posekit: note: {}", text)); });
  }
  threads_ = options.executor == ExecutorKind::serial ? 1 : options.threads == 0 ? posekit::usable_cpus() : options.threads;
}

ModelRunner::~ModelRunner() { posekit::set_log_callback({}); }

void ModelRunner::load() {
  if (predictor_) return;
  try {
    load_models();
  } catch (const posekit::Error& error) {
    throw std::runtime_error(error.what());
  }
}

void ModelRunner::load_models() {
  calls_ = share_out_cpus(options_.torch_threads, threads_);
  prepare_device(options_.model);
  const std::shared_ptr<posekit::Executor> executor = make_executor(threads_);
  if (needs_detector_) {
    posekit::PersonDetector detector = load_detector(executor);  // first: what is wrong with it is reported first
    predictor_.emplace(load_estimator(executor), std::move(detector));
  } else {
    predictor_.emplace(load_estimator(executor));
  }
  if (options_.format == Format::openpose)
    (void)posekit::to_openpose({}, estimator().keypoints());  // refuses sets that it can't be made of
}

posekit::PoseEstimator ModelRunner::load_estimator(std::shared_ptr<posekit::Executor> executor) const {
  posekit::EstimatorOptions options = options_.estimator;
  options.executor = std::move(executor);
  return posekit::PoseEstimator(posekit::Model(pose_model(options_), model_options(options_.model)), std::move(options));
}

posekit::PersonDetector ModelRunner::load_detector(std::shared_ptr<posekit::Executor> executor) const {
  posekit::ModelOptions model;
  model.device = options_.model.options.device;
  model.warm_up = posekit::WarmUp::none;
  model.fuse = options_.model.options.fuse;
  posekit::DetectorOptions options = options_.detector;
  options.executor = std::move(executor);
  return posekit::PersonDetector(posekit::Model(detector_model(options_), model), std::move(options));
}

void ModelRunner::run_images(const Source& source, const Sink& sink, std::stop_token stop) {
  if (serial()) return run_serial(source, sink, std::move(stop));
  posekit::PipelineOptions pipeline;
  if (on_cpu()) pipeline.queue_frames = calls_;  // pictures may be large: few of them wait
  run_pipeline(source, sink, std::move(stop), std::move(pipeline));
}

void ModelRunner::run_video(const Source& source, const Sink& sink, std::stop_token stop, bool live) {
  posekit::PipelineOptions pipeline = options_.video;
  pipeline.overflow = live ? posekit::Overflow::latest : posekit::Overflow::block;
  if (options_.track) pipeline.tracker = std::make_shared<posekit::Tracker>(estimator().keypoints());
  run_pipeline(source, sink, std::move(stop), std::move(pipeline));
}

void ModelRunner::run_pipeline(const Source& source, const Sink& sink, std::stop_token stop, posekit::PipelineOptions pipeline_options) {
  if (on_cpu()) pipeline_options.detect_calls = pipeline_options.estimate_calls = calls_;
  if (options_.timeout > 0) {
    const auto timeout = std::chrono::duration_cast<std::chrono::microseconds>(seconds(options_.timeout));
    pipeline_options.frame_timeout = std::max(timeout, std::chrono::microseconds{1});
  }
  std::unique_ptr<posekit::Pipeline> pipeline;
  const auto take = [&](posekit::PipelineResult result) {
    try {
      sink(std::move(result));
    } catch (...) {
      pipeline->cancel();
      throw;
    }
  };
  pipeline = std::make_unique<posekit::Pipeline>(*predictor_, take, std::move(pipeline_options));
  pipeline->run(source, {.stop = std::move(stop), .deadline = std::nullopt});
}

void ModelRunner::run_serial(const Source& source, const Sink& sink, std::stop_token stop) {
  while (!stop.stop_requested()) {
    const auto input = source();
    if (!input) return;
    posekit::RunControl control{.stop = stop, .deadline = std::nullopt};
    if (options_.timeout > 0) control.deadline = std::chrono::steady_clock::now() + seconds(options_.timeout);
    posekit::PredictorInput image{.image = input->frame.image};
    if (input->boxes) image.boxes = *input->boxes;
    sink({std::move(predictor_->predict_batch({&image, 1}, control).front()), input->frame, {}});
  }
  throw posekit::Error(ErrorCode::cancelled, "interrupted");
}

}  // namespace cli
