/// Says what a model file is, without running it.
#include <filesystem>

#include "torch/errors.h"
#include "torch/model_file.h"

namespace posekit::inline v0 {

ModelReport inspect_model(const std::filesystem::path& path, const ModelOptions& options) {
  ModelFile file = open_model_file(path, options, c10::Device(c10::kCPU));
  ModelReport report{
      .path = path, .file_bytes = std::filesystem::file_size(path), .parameters = 0, .parameter_bytes = 0, .info = std::move(file.info)};
  translate("\"" + path.string() + "\" can't be inspected", ErrorCode::invalid_model, [&] {
    const auto count = [&](const at::Tensor& tensor) {
      report.parameters += static_cast<std::size_t>(tensor.numel());
      report.parameter_bytes += tensor.nbytes();
    };
    for (const at::Tensor& tensor : file.module.parameters()) count(tensor);
    for (const at::Tensor& tensor : file.module.buffers()) count(tensor);
  });
  return report;
}

}  // namespace posekit::inline v0
