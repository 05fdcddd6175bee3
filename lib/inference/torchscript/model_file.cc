/// Opens a TorchScript file together with its metadata.
#include "inference/torchscript/model_file.h"

#include <torch/csrc/jit/serialization/import.h>

#include <optional>

#include "inference/file_kind.h"
#include "inference/metadata_source.h"
#include "inference/sha256.h"
#include "inference/torchscript/errors.h"
#include "inference/torchscript/runtime.h"

namespace posekit::inline v0 {
namespace {

constexpr const char* metadata_entry = "posekit.json";

/// The number of heatmaps that the last fitting convolution's weights suggest.
std::optional<std::size_t> suggested_channels(const torch::jit::Module& module) {
  std::optional<std::size_t> channels;
  for (const auto& parameter : module.named_parameters()) {
    if (parameter.value.dim() != 4) continue;
    const std::int64_t outputs = parameter.value.size(0);
    if (outputs == 17 || outputs == 133 || outputs == 308) channels = static_cast<std::size_t>(outputs);
  }
  return channels;
}

}  // namespace

ModelFile open_model_file(const std::filesystem::path& path, const ModelOptions& options, c10::Device device) {
  check_is_torchscript(path);
  std::optional<ModelInfo> info = find_metadata(path, options);
  if (!options.sha256.empty()) {
    check_sha256(path, options.sha256);
  } else if (info && !info->sha256.empty()) {
    check_sha256(path, info->sha256);
  }
  check_torch_version();
  init_torch_thread();

  torch::jit::ExtraFilesMap extra{{metadata_entry, ""}};
  auto module = translate("\"" + path.string() + "\" can't be loaded", ErrorCode::invalid_model, [&] {
    torch::jit::Module loaded = torch::jit::load(path.string(), device, extra);
    loaded.eval();
    return loaded;
  });
  if (!info && !extra[metadata_entry].empty()) info = parse_model_info(extra[metadata_entry], "archive");
  if (!info) fail_without_metadata(path, suggested_channels(module));
  if (info->name.empty()) info->name = path.filename().string();
  return {std::move(module), std::move(*info)};
}

}  // namespace posekit::inline v0
