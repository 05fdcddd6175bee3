/// Loads models: recognise → checksum → metadata → open → devices → replicas → one checked forward.
#include "loading/load_model.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "backend/replicas.h"
#include "base/log.h"
#include "model/file_format.h"
#include "model/metadata_source.h"
#include "model/model_info.h"
#include "model/sha256.h"

namespace posekit::inline v0 {
namespace {

/// Runs one black crop, so that a model that contradicts its metadata, or can't run at all, fails at load.
void check_forward(ModelBackend& backend) {
  const InputInfo& input = backend.info().input;
  const std::size_t bytes = crop_bytes(backend.crop_format(), input.size());
  const auto session = backend.open_session({});
  std::byte* staging = session->staging(0, 1);
  if (backend.crop_format() == CropFormat::float_chw) {
    auto* values = reinterpret_cast<float*>(staging);
    const std::size_t pixels = bytes / sizeof(float) / 3;
    for (std::size_t i = 0; i < 3 * pixels; ++i) values[i] = static_cast<float>(-input.mean[i / pixels] / input.std[i / pixels]);
  } else {
    std::fill_n(staging, bytes, std::byte{0});
  }
  session->submit(0, 1, {});
  (void)session->collect(0);
}

}  // namespace

OpenedModel open_model(const ModelSource& source, const ModelOptions& options, Device device) {
  const FileFormat format = recognise_format(source);
  std::optional<ModelInfo> info = find_metadata(source, options);
  if (!options.sha256.empty()) {
    check_sha256(source, options.sha256);
  } else if (info && !info->sha256.empty()) {
    check_sha256(source, info->sha256);
  }
  std::unique_ptr<ModelFile> file = open_model_file(format, source, device);
  if (!info && !file->metadata().empty()) info = parse_model_info(file->metadata(), "archive");
  if (!info) fail_without_metadata(source, file->suggested_channels());
  if (info->name.empty()) info->name = source.in_memory() ? "model in memory" : name_of(source.path());
  return {std::move(file), std::move(*info)};
}

std::shared_ptr<ModelBackend> load_model(const ModelSource& source, const ModelOptions& options) {
  std::map<Device, OpenedModel> opened;  // replicas on one device share the weights
  std::vector<std::shared_ptr<ModelBackend>> replicas;
  for (const Device device : devices_of(options.device)) {
    auto found = opened.find(device);
    if (found == opened.end()) found = opened.emplace(device, open_model(source, options, device)).first;
    replicas.push_back(found->second.file->make_backend(found->second.info, options.precision));
  }
  opened.clear();  // the files' own weights, where freezing has made others of them
  if (options.warm_up == WarmUp::check) {
    for (const auto& replica : replicas) check_forward(*replica);
  }
  const ModelInfo& info = replicas.front()->info();
  for (const std::string& note : info.notes) log(LogLevel::warning, "model \"" + info.name + "\": " + note);
  return replicas.size() == 1 ? replicas.front() : make_replica_set(std::move(replicas));
}

}  // namespace posekit::inline v0
