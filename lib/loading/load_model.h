/// Loads models: recognise → checksum → metadata → open → devices → replicas → one checked forward.
#pragma once

#include <memory>
#include <optional>

#include "backend/backend_library.h"
#include "backend/model_backend.h"
#include "model/model_source.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

/// A model file with its metadata.
struct OpenedModel {
  std::unique_ptr<ModelFile> file;
  ModelInfo info;
  std::optional<std::size_t> max_batch;  ///< Once it is known.
};

/// Opens a model file on one device. @throws Error as Model's constructor
[[nodiscard]] OpenedModel open_model(const ModelSource& source, const ModelOptions& options, Device device);

/// Loads a model on all devices that the options name. @throws Error as Model's constructor
[[nodiscard]] std::shared_ptr<ModelBackend> load_model(const ModelSource& source, const ModelOptions& options);

}  // namespace posekit::inline v0
