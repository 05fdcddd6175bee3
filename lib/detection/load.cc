/// Makes a detector from a model in a file or in memory.
#include "detection/detector_access.h"

namespace posekit::inline v0 {
namespace {

PersonDetector load(const ModelSource& model, DetectorOptions&& options) {
  auto backend = load_torchscript(model, options.model, Task::detect);
  return DetectorAccess::make(std::move(backend), std::move(options));
}

}  // namespace

PersonDetector::PersonDetector(const std::filesystem::path& model, DetectorOptions options)
    : PersonDetector(load(model, std::move(options))) {}

PersonDetector::PersonDetector(std::span<const std::byte> model, DetectorOptions options)
    : PersonDetector(load(model, std::move(options))) {}

}  // namespace posekit::inline v0
