/// The interface to the library that runs models; lib/torch implements it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/model_backend.h"
#include "model/file_format.h"
#include "model/model_source.h"
#include "posekit/device.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

/// What a network's code says about the number of crops in a forward.
struct BatchTraits {
  bool mixed = false;     ///< A crop's result depends on the others in its batch.
  std::size_t fixed = 0;  ///< The size that part of the code may fix; 0: none does.
  std::string where;      ///< That part, for example "aten::view to [1, 17, 64, 48]".
};

/// The numbers in which a network computes.
struct Numbers {
  Dtype type = Dtype::fp32;  ///< Of the crops that it gets.
  bool cast = true;          ///< Its floating-point tensors are cast to that type; false: they stay as they are in the file.
};

/// A model file that has been opened for one device: `prepare` once, then backends.
class ModelFile {
 public:
  ModelFile() = default;
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;
  virtual ~ModelFile() = default;

  /// The document posekit.json in the file; empty if there is none.
  [[nodiscard]] virtual const std::string& metadata() const noexcept = 0;
  /// The number of heatmaps that the weights' shapes suggest, if they do.
  [[nodiscard]] virtual std::optional<std::size_t> suggested_channels() const noexcept = 0;

  struct Parameters {
    std::size_t count = 0;  ///< Values in parameters and buffers.
    std::size_t bytes = 0;
  };
  [[nodiscard]] virtual const Parameters& parameters() const noexcept = 0;

  /// Makes of the file's code what runs in these numbers, and looks at it. @param fuse as ModelOptions
  /// @throws Error invalid_model, also if the file was exported in training mode
  virtual void prepare(const Numbers& numbers, bool fuse) = 0;

  [[nodiscard]] virtual const BatchTraits& batch_traits() const noexcept = 0;

  /// What runs the model on the file's device. Each call gives another replica; they share the weights, which the first call brings to the
  /// device. @param max_batch as ModelBackend::max_batch
  /// @throws Error invalid_model, out_of_memory
  [[nodiscard]] virtual std::shared_ptr<ModelBackend> make_backend(const ModelInfo& info, std::size_t max_batch) = 0;
};

/// Opens a model file of a format that was recognised. Runs code from the file.
/// @param device where the model is to run; until it has a backend, the weights are on the host
/// @throws Error invalid_model (also for one that was exported in training mode), unsupported_model, out_of_memory; internal if another
///         Torch runs than posekit was built for
[[nodiscard]] std::unique_ptr<ModelFile> open_model_file(FileFormat format, const ModelSource& source, Device device);

/// The devices that an option names. "auto" means the first CUDA device, or the CPU where there is none.
/// @throws Error invalid_argument; device_unavailable that says why one is not there
[[nodiscard]] std::vector<Device> devices_of(const std::string& option);

}  // namespace posekit::inline v0
