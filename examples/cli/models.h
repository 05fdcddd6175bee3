/// Where the shipped models are, and how a model is loaded and run.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "options.h"
#include "posekit/executor.h"
#include "posekit/model.h"
#include "posekit/runtime.h"

namespace cli {

/// A shipped model: in $POSEKIT_MODELS, else in ../share/posekit/models beside the program, else where it was built.
/// @throws UsageError that lists where it was looked for
std::filesystem::path shipped_model(const std::string& file);

/// The files of a run's models: those that were chosen, else the shipped ones. @throws UsageError
std::filesystem::path pose_model(const EstimateOptions& options);
std::filesystem::path detector_model(const EstimateOptions& options);

/// The model options of a choice.
posekit::ModelOptions model_options(const ModelChoice& choice);

/// The name of the precision in which a model computes.
std::string precision_name(const ModelChoice& choice, const posekit::ModelInfo& info);

/// Sets what a choice asks of the whole process: TF32, the limit of the device's memory. Before the model is loaded.
/// @throws posekit::Error
void prepare_device(const ModelChoice& choice);

/// How many CPUs this process may use and what decides it, for example "2 (affinity)".
std::string describe(const posekit::CpuReport& report);

/// One thread: the caller's alone; 0: one for each CPU that this process may use.
std::shared_ptr<posekit::Executor> make_executor(std::size_t threads);

}  // namespace cli
