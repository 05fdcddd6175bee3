/// Makes a detector from a model file.
#include "detection/detector_access.h"

namespace posekit::inline v0 {
namespace {

PersonDetector load(const std::filesystem::path& model, DetectorOptions&& options) {
  auto backend = load_torchscript(model, options.model, Task::detect);
  return DetectorAccess::make(std::move(backend), std::move(options));
}

}  // namespace

PersonDetector::PersonDetector(const std::filesystem::path& model, DetectorOptions options)
    : PersonDetector(load(model, std::move(options))) {}

}  // namespace posekit::inline v0
