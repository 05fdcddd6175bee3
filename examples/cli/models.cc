/// Where the shipped models are, and how a model is loaded and run.
#include "models.h"

#include <fmt/format.h>

#include <cstdlib>
#include <vector>

#include "posekit/runtime.h"

namespace cli {
namespace {

constexpr const char* default_pose_model = "pose_landmark_full.pt";
constexpr const char* default_detector = "person_detector.pt";

/// What weights and inputs are converted to.
posekit::Precision precision_of(Precision precision) {
  switch (precision) {
    case Precision::automatic: return posekit::Precision::automatic;
    case Precision::as_exported: return posekit::Precision::as_exported;
    case Precision::fp32:
    case Precision::tf32: return posekit::Precision::fp32;
    case Precision::fp16: return posekit::Precision::fp16;
    case Precision::bf16: return posekit::Precision::bf16;
  }
  return posekit::Precision::automatic;
}

}  // namespace

namespace fs = std::filesystem;

fs::path shipped_model(const std::string& file) {
  std::vector<fs::path> folders;
  if (const char* folder = std::getenv("POSEKIT_MODELS"); folder != nullptr && *folder != '\0') folders.emplace_back(folder);
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back(program.parent_path().parent_path() / "share/posekit/models");
  folders.emplace_back(POSEKIT_BUILD_MODELS);
  std::string looked;
  for (const fs::path& folder : folders) {
    if (fs::exists(folder / file, error)) return folder / file;
    looked += fmt::format("{}\"{}\"", looked.empty() ? "" : ", ", folder.string());
  }
  throw UsageError(
      fmt::format("the shipped model {} is in none of {}: name a model (-m, --detector) or set POSEKIT_MODELS to the folder that holds it",
                  file, looked));
}

fs::path pose_model(const EstimateOptions& options) {
  return options.model.path.empty() ? shipped_model(default_pose_model) : fs::path(options.model.path);
}

fs::path detector_model(const EstimateOptions& options) {
  return options.detector_path.empty() ? shipped_model(default_detector) : fs::path(options.detector_path);
}

posekit::ModelOptions model_options(const ModelChoice& choice) {
  posekit::ModelOptions options = choice.options;
  options.precision = precision_of(choice.precision);
  options.warm_up = posekit::WarmUp::none;  // one forward of a large model takes a minute on a CPU: the first batch is checked instead
  return options;
}

std::string precision_name(const ModelChoice& choice, const posekit::ModelInfo& info) {
  const bool by_dtype = choice.precision == Precision::automatic || choice.precision == Precision::as_exported;
  return by_dtype ? std::string(to_string(info.dtype)) : to_string(choice.precision);
}

void prepare_device(const ModelChoice& choice) {
  posekit::set_torch_tf32(choice.precision == Precision::tf32);
  if (choice.device_memory_limit) posekit::set_device_memory_limit(choice.options.device, *choice.device_memory_limit);
}

std::string describe(const posekit::CpuReport& report) {
  return fmt::format("{} ({})", report.usable, posekit::to_string(report.decided_by));
}

std::shared_ptr<posekit::Executor> make_executor(std::size_t threads) {
  if (threads == 1) return std::make_shared<posekit::SerialExecutor>();
  return std::make_shared<posekit::ThreadPool>(threads);
}

}  // namespace cli
