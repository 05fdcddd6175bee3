/// Opens a TorchScript archive together with its metadata.
#include "torch/model_file.h"

#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "model/file_kind.h"
#include "model/metadata_source.h"
#include "model/model_info.h"
#include "model/sha256.h"
#include "torch/errors.h"
#include "torch/runtime.h"

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

/// Lets Torch read borrowed bytes where they are.
class MemoryAdapter final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MemoryAdapter(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  size_t size() const override { return bytes_.size(); }
  size_t read(uint64_t from, void* buffer, size_t count, const char* /*what*/) const override {
    if (from >= bytes_.size()) return 0;
    const auto part = bytes_.subspan(from, std::min<size_t>(count, bytes_.size() - from));
    std::memcpy(buffer, part.data(), part.size());
    return part.size();
  }

 private:
  std::span<const std::byte> bytes_;
};

torch::jit::Module load(const ModelSource& source, c10::Device device, torch::jit::ExtraFilesMap& extra) {
  if (source.in_memory()) return torch::jit::load(std::make_shared<MemoryAdapter>(source.bytes()), device, extra);
  return torch::jit::load(source.path().string(), device, extra);
}

}  // namespace

ModelFile open_model_file(const ModelSource& source, const ModelOptions& options, c10::Device device) {
  check_is_torchscript(source);
  std::optional<ModelInfo> info = find_metadata(source, options);
  if (!options.sha256.empty()) {
    check_sha256(source, options.sha256);
  } else if (info && !info->sha256.empty()) {
    check_sha256(source, info->sha256);
  }
  check_torch_version();
  init_torch_thread();

  torch::jit::ExtraFilesMap extra{{metadata_entry, ""}};
  auto module = translate(source.text() + " can't be loaded", ErrorCode::invalid_model, [&] {
    torch::jit::Module loaded = load(source, device, extra);
    loaded.eval();
    return loaded;
  });
  if (!info && !extra[metadata_entry].empty()) info = parse_model_info(extra[metadata_entry], "archive");
  if (!info) fail_without_metadata(source, suggested_channels(module));
  if (info->name.empty()) info->name = source.in_memory() ? "model in memory" : name_of(source.path());
  return {std::move(module), std::move(*info)};
}

}  // namespace posekit::inline v0
