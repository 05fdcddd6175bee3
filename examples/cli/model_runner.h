/// The models of a run, and how they are kept busy.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "options.h"
#include "posekit/pipeline.h"
#include "posekit/predictor.h"
#include "progress.h"

namespace cli {

class ModelRunner {
 public:
  ModelRunner(const EstimateOptions& options, bool needs_detector, Progress& progress);
  ModelRunner(const ModelRunner&) = delete;
  ModelRunner& operator=(const ModelRunner&) = delete;
  ~ModelRunner();

  /// Loads the models, the first time. What is wrong with one is wrong for every input: it ends the run.
  /// @throws UsageError, std::runtime_error
  void load();
  bool is_loaded() const { return predictor_.has_value(); }
  /// Whether images are worked on by the caller's thread alone.
  bool serial() const { return threads_ <= 1; }
  const posekit::PoseEstimator& estimator() const { return predictor_->estimator(); }

  using Source = posekit::Pipeline::Source;
  using Sink = posekit::Pipeline::Sink;

  /// Runs every frame that the source gives, several calls of the models side by side unless `serial`. Videos always have threads.
  /// @param stop serial: only asked; else waited for
  /// A sink that throws ends the run. @throws what source and sink throw; posekit::Error cancelled
  void run_images(const Source& source, const Sink& sink, std::stop_token stop);
  void run_video(const Source& source, const Sink& sink, std::stop_token stop, bool live);

 private:
  void load_models();
  posekit::PoseEstimator load_estimator(std::shared_ptr<posekit::Executor> executor) const;
  posekit::PersonDetector load_detector(std::shared_ptr<posekit::Executor> executor) const;
  bool on_cpu() const { return estimator().model().on_cpu(); }
  void run_serial(const Source& source, const Sink& sink, std::stop_token stop);
  void run_pipeline(const Source& source, const Sink& sink, std::stop_token stop, posekit::PipelineOptions pipeline_options);

  const EstimateOptions& options_;
  bool needs_detector_;
  Progress& progress_;
  std::size_t threads_ = 1;
  std::size_t calls_ = 1;
  std::optional<posekit::Predictor> predictor_;
};

}  // namespace cli
