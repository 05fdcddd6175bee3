/// Loads models: recognise → checksum → metadata → open → devices → replicas → one checked forward.
#include "loading/load_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/batch_limit.h"
#include "backend/launching_thread.h"
#include "backend/replicas.h"
#include "base/log.h"
#include "base/process_end.h"
#include "model/file_format.h"
#include "model/metadata_source.h"
#include "model/model_info.h"
#include "model/sha256.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

/// The numbers in which a model computes, by what was asked for and what its metadata say.
Numbers numbers_of(Precision precision, const ModelInfo& info) {
  const bool in_half = info.dtype != Dtype::fp32;
  if (precision == Precision::as_exported || (precision == Precision::automatic && in_half)) return {.type = info.dtype, .cast = false};
  const Dtype asked = precision == Precision::fp16 ? Dtype::fp16 : precision == Precision::bf16 ? Dtype::bf16 : Dtype::fp32;
  if (in_half && asked != info.dtype) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("model \"{0}\" was exported in {1} and can't run in {2}: use precision auto or {1}, or export it again in fp32",
                            info.name, to_string(info.dtype), asked == Dtype::fp32 ? "fp32 or tf32" : to_string(asked)));
  }
  return {.type = asked, .cast = !in_half};
}

/// Runs black crops, so that a model that contradicts its metadata, or can't run at all, fails at load.
void check_forward(ModelBackend& backend, std::size_t crops) {
  const InputInfo& input = backend.info().input;
  const std::size_t bytes = crop_bytes(backend.crop_format(), input.size());
  const auto session = backend.open_session({});
  std::byte* staging = session->staging(0, crops);
  if (backend.crop_format() == CropFormat::float_chw) {
    auto* values = reinterpret_cast<float*>(staging);
    const std::size_t pixels = bytes / sizeof(float) / 3;
    for (std::size_t i = 0; i < 3 * pixels * crops; ++i) {
      const std::size_t channel = i / pixels % 3;
      values[i] = static_cast<float>(-input.mean[channel] / input.std[channel]);
    }
  } else {
    std::fill_n(staging, bytes * crops, std::byte{0});
  }
  session->submit(0, crops, {});
  (void)session->collect(0);
}

/// Whether a batch of that size runs and its output fits the metadata.
bool takes_batch(ModelBackend& backend, std::size_t crops) {
  try {
    check_forward(backend, crops);
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_model && error.code() != ErrorCode::out_of_memory) throw;
    return false;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

/// Libraries of a device choose their ways by the batch's size, in the first forward of it. Whether memory holds it is the caller's matter.
void warm_up(ModelBackend& backend) {
  const std::size_t usual = BatchLimit(0, backend).size();
  if (usual > 1 && !takes_batch(backend, usual)) backend.release_cached();
}

constexpr std::size_t most_tried = 16;  // crops in a forward that looks for the batch that is fixed
constexpr std::string_view batch_remedy = "use -1 or x.shape[0] there and export it again for larger ones";

/// Notes what the code says about batches, for who does not run it.
void note_batches(const BatchTraits& traits, ModelInfo& info) {
  if (traits.mixed) {
    info.notes.emplace_back(
        "batch normalisation has no statistics of its own, so results depend on the other crops of a batch and it runs in batches of one: "
        "export it with track_running_stats=True");
  } else if (traits.fixed > 0) {
    info.notes.push_back(
        fmt::format("the batch may be fixed to {} ({}), so it runs in batches of one where loading tries no larger one: {}", traits.fixed,
                    traits.where, batch_remedy));
  }
}

/// What runs an opened model's batches.
std::shared_ptr<ModelBackend> backend_of(OpenedModel& model, std::size_t max_batch) {
  auto backend = model.file->make_backend(model.info, max_batch);
  return backend->on_cpu() ? backend : with_launching_thread(std::move(backend));
}

/// What runs an opened model. Where its code may fix the batch, that is tried, and the note about it replaced by the outcome.
std::shared_ptr<ModelBackend> make_backend(OpenedModel& model, const ModelOptions& options) {
  constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  const BatchTraits& traits = model.file->batch_traits();
  const bool suspect = traits.fixed > 0 && !traits.mixed;
  if (!suspect || model.max_batch) {
    return backend_of(model, model.max_batch.value_or(traits.mixed ? 1 : any));
  }
  model.max_batch = 1;
  if (options.warm_up == WarmUp::check) {
    const auto trial = backend_of(model, any);
    if (traits.fixed > 1 && traits.fixed <= most_tried && !takes_batch(*trial, 1) && takes_batch(*trial, traits.fixed)) {
      throw Error(ErrorCode::invalid_model,
                  fmt::format("model \"{}\" takes batches of {} only ({}), but has to take any number of crops: {}", model.info.name,
                              traits.fixed, traits.where, batch_remedy));
    }
    model.info.notes.pop_back();
    if (takes_batch(*trial, 2)) {
      model.max_batch = any;
    } else {
      model.info.notes.push_back(fmt::format("the batch is fixed to 1 ({}), so it runs in batches of one: {}", traits.where, batch_remedy));
    }
  }
  return backend_of(model, *model.max_batch);
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
  file->prepare(numbers_of(options.precision, *info), options.fuse);
  note_batches(file->batch_traits(), *info);
  return {.file = std::move(file), .info = std::move(*info), .max_batch = {}};
}

std::shared_ptr<ModelBackend> load_model(const ModelSource& source, const ModelOptions& options) {
  const ModelWork work;
  std::map<Device, OpenedModel> opened;  // replicas on one device share the weights
  std::vector<std::shared_ptr<ModelBackend>> replicas;
  for (const Device device : devices_of(options.device)) {
    auto found = opened.find(device);
    if (found == opened.end()) found = opened.emplace(device, open_model(source, options, device)).first;
    replicas.push_back(make_backend(found->second, options));
  }
  opened.clear();  // the files' own weights, where freezing has made others of them
  if (options.warm_up == WarmUp::check) {
    for (const auto& replica : replicas) {
      check_forward(*replica, 1);
      if (!replica->on_cpu()) warm_up(*replica);
    }
  }
  const ModelInfo& info = replicas.front()->info();
  for (const std::string& note : info.notes) log(LogLevel::warning, "model \"" + info.name + "\": " + note);
  return replicas.size() == 1 ? replicas.front() : make_replica_set(std::move(replicas));
}

}  // namespace posekit::inline v0
