/// Stands in for the TorchScript backend where a test needs none of Torch: a "model" is its metadata document, and its output is a fixed
/// pattern.
#include <cstddef>
#include <memory>
#include <string_view>

#include "backend/model_backend.h"
#include "model/metadata_source.h"
#include "model/sha256.h"
#include "posekit/error.h"
#include "posekit/runtime.h"
#include "support/fake_backend.h"

namespace {

using posekit_test::FakeBackend;

int intra_op_threads = 1;
bool tf32 = false;
constexpr std::size_t most_values = std::size_t{1} << 20;

std::vector<std::vector<std::size_t>> output_shapes(const posekit::ModelInfo& info, std::size_t batch) {
  const auto size = [](double value) { return static_cast<std::size_t>(value); };
  const std::size_t k = info.keypoints.size();
  switch (info.output.codec) {
    case posekit::Codec::udp_heatmap:
    case posekit::Codec::heatmap: return {{batch, k, size(info.output.height), size(info.output.width)}};
    case posekit::Codec::simcc:
      return {{batch, k, size(info.input.width * info.output.split_ratio)}, {batch, k, size(info.input.height * info.output.split_ratio)}};
    case posekit::Codec::regression: return {{batch, k, 3}};
    case posekit::Codec::boxes_scores: break;
  }
  return {{batch, 3, 4}, {batch, 3}};
}

std::size_t volume(const std::vector<std::size_t>& shape) {
  std::size_t count = 1;
  for (const std::size_t length : shape) count *= length;
  return count;
}

/// Numbers that differ from cell to cell and give boxes with positive sides.
std::vector<FakeBackend::Tensor> pattern(const posekit::ModelInfo& info, std::size_t batch) {
  std::vector<FakeBackend::Tensor> tensors;
  for (const auto& shape : output_shapes(info, batch)) {
    FakeBackend::Tensor tensor{shape, std::vector<float>(volume(shape))};
    for (std::size_t i = 0; i < tensor.values.size(); ++i)
      tensor.values[i] = static_cast<float>(i % 4) * 5 + static_cast<float>(i % 29) / 29;
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

namespace posekit::inline v0 {

std::shared_ptr<ModelBackend> load_torchscript(const ModelSource& source, const ModelOptions& options, std::optional<Task> task) {
  if (!options.sha256.empty()) check_sha256(source, options.sha256);
  auto info = find_metadata(source, options);
  if (!info) {
    const std::span<const std::byte> bytes = source.bytes();
    info = parse_model_info({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "archive");
  }
  if (task && info->task != *task) throw Error(ErrorCode::invalid_argument, source.text() + " is a model of another task");
  std::size_t values = static_cast<std::size_t>(info->input.width) * static_cast<std::size_t>(info->input.height) * 3;
  for (const auto& shape : output_shapes(*info, 1)) {
    if (volume(shape) == 0) throw Error(ErrorCode::invalid_model, source.text() + " gives nothing");
    values += volume(shape);
  }
  if (values > most_values) throw Error(ErrorCode::out_of_memory, source.text() + " is larger than this stand-in allows");
  return std::make_shared<posekit_test::FakeBackend>(*info, [info = *info](const CropBatch& crops) { return pattern(info, crops.count); });
}

ModelReport inspect_model(const std::filesystem::path& path, const ModelOptions& options) {
  auto info = find_metadata(path, options);
  if (!info) throw Error(ErrorCode::not_found, "\"" + path.string() + "\" does not exist: check the path");
  return {.path = path, .file_bytes = 1, .parameters = 1, .parameter_bytes = 4, .info = std::move(*info)};
}

TorchVersions torch_versions() { return {"0.0.0", "0.0.0"}; }
bool built_with_cuda() noexcept { return false; }
void set_torch_tf32(bool allowed) { tf32 = allowed; }
bool torch_tf32() { return tf32; }
void set_device_memory_limit(const std::string& device, std::uint64_t /*bytes*/) {
  throw Error(ErrorCode::device_unavailable, "\"" + device + "\" was asked for, but there is no Torch here");
}
int torch_threads() { return intra_op_threads; }
void set_torch_threads(int threads) {
  if (threads < 1) throw Error(ErrorCode::invalid_argument, "threads is " + std::to_string(threads) + ", at least 1 is expected");
  intra_op_threads = threads;
}

}  // namespace posekit::inline v0
