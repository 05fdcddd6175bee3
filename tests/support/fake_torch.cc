/// Stands in for the TorchScript backend where a test needs none of Torch: a "model" is its metadata document, and its output is a fixed
/// pattern.
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "backend/backend_library.h"
#include "model/file_format.h"
#include "posekit/error.h"
#include "posekit/runtime.h"
#include "support/fake_backend.h"

namespace {

using posekit_test::FakeBackend;

int intra_op_threads = 1;
bool tf32 = false;
constexpr std::size_t most_values = std::size_t{1} << 20;

/// The shapes of the outputs that a codec expects.
struct Shapes {
  const posekit::ModelInfo& info;
  std::size_t batch;
  using List = std::vector<std::vector<std::size_t>>;

  [[nodiscard]] std::size_t k() const { return info.pose().keypoints.size(); }
  static std::size_t size(double value) { return static_cast<std::size_t>(value); }
  List operator()(const posekit::HeatmapOutput& output) const { return {{batch, k(), size(output.size.height), size(output.size.width)}}; }
  List operator()(const posekit::SimccOutput& output) const {
    return {{batch, k(), size(info.input.width * output.split_ratio)}, {batch, k(), size(info.input.height * output.split_ratio)}};
  }
  List operator()(const posekit::RegressionOutput&) const { return {{batch, k(), 3}}; }
  List operator()(const posekit::BoxesOutput&) const { return {{batch, 3, 4}, {batch, 3}}; }
};

Shapes::List output_shapes(const posekit::ModelInfo& info, std::size_t batch) { return std::visit(Shapes{info, batch}, info.output); }

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
namespace {

/// A "file" whose text is its metadata.
class DocumentFile final : public ModelFile {
 public:
  explicit DocumentFile(std::string document) : document_(std::move(document)) {}
  const std::string& metadata() const noexcept override { return document_; }
  std::optional<std::size_t> suggested_channels() const noexcept override { return std::nullopt; }
  const Parameters& parameters() const noexcept override { return parameters_; }
  void prepare(const Numbers& /*numbers*/, bool /*fuse*/) override {}
  const BatchTraits& batch_traits() const noexcept override { return batch_traits_; }
  std::shared_ptr<ModelBackend> make_backend(const ModelInfo& info, std::size_t /*max_batch*/) override {
    std::size_t values = static_cast<std::size_t>(info.input.width) * static_cast<std::size_t>(info.input.height) * 3;
    for (const auto& shape : output_shapes(info, 1)) {
      if (volume(shape) == 0) throw Error(ErrorCode::invalid_model, "the stand-in gives nothing");
      values += volume(shape);
    }
    if (values > most_values) throw Error(ErrorCode::out_of_memory, "the model is larger than this stand-in allows");
    return std::make_shared<FakeBackend>(info, [info](const posekit_test::CropBatch& crops) { return pattern(info, crops.count); });
  }

 private:
  std::string document_;
  Parameters parameters_{1, 4};
  BatchTraits batch_traits_;
};

}  // namespace

/// Stands in for recognition, too: any text is such a file.
FileFormat recognise_format(const ModelSource& source) {
  if (!source.in_memory() && !std::filesystem::exists(source.path())) {
    throw Error(ErrorCode::not_found, source.text() + " does not exist: check the path");
  }
  return FileFormat::torchscript;
}

std::unique_ptr<ModelFile> open_model_file(FileFormat /*format*/, const ModelSource& source, Device /*device*/) {
  const std::span<const std::byte> bytes = source.bytes();
  return std::make_unique<DocumentFile>(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::vector<Device> devices_of(const std::string& option) {
  std::vector<Device> devices = parse_devices(option);
  if (devices.empty()) return {Device{}};
  if (devices.front().kind != DeviceKind::cpu) throw Error(ErrorCode::device_unavailable, "there is no Torch here");
  return devices;
}

TorchVersions torch_versions() { return {"0.0.0", "0.0.0"}; }
bool built_with_cuda() { return false; }
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
