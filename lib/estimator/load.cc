/// Makes an estimator from a model in a file or in memory.
#include "estimator/estimator_access.h"

namespace posekit::inline v0 {
namespace {

PoseEstimator load(const ModelSource& model, EstimatorOptions&& options) {
  auto backend = load_torchscript(model, options.model, Task::pose);
  return EstimatorAccess::make(std::move(backend), std::move(options));
}

}  // namespace

PoseEstimator::PoseEstimator(const std::filesystem::path& model, EstimatorOptions options)
    : PoseEstimator(load(model, std::move(options))) {}

PoseEstimator::PoseEstimator(std::span<const std::byte> model, EstimatorOptions options) : PoseEstimator(load(model, std::move(options))) {}

}  // namespace posekit::inline v0
