/// Says what a model file is, without running it.
#include "posekit/model_report.h"

#include "base/process_end.h"
#include "loading/load_model.h"
#include "model/sha256.h"

namespace posekit::inline v0 {

ModelReport inspect_model(const std::filesystem::path& path, const ModelOptions& options) {
  const ModelWork work;
  OpenedModel model = open_model(path, options, Device{});
  const ModelFile::Parameters& parameters = model.file->parameters();
  return {.path = path,
          .file_bytes = std::filesystem::file_size(path),
          .parameters = parameters.count,
          .parameter_bytes = parameters.bytes,
          .info = std::move(model.info)};
}

std::string model_sha256(const std::filesystem::path& path) { return sha256_of(path); }

}  // namespace posekit::inline v0
