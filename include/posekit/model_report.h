/// Says what a model file is, without running it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "posekit/export.h"
#include "posekit/model.h"

namespace posekit::inline v0 {

/// Holds what `posekit inspect` shows.
struct ModelReport {
  std::filesystem::path path;
  std::uint64_t file_bytes = 0;
  std::size_t parameters = 0;  ///< Number of values in parameters and buffers.
  std::size_t parameter_bytes = 0;
  ModelInfo info;
};

/// Loads a model on the CPU and says what it is, without running it.
///
/// Loading runs code from the file: open only files you trust (SECURITY.md).
///
/// @throws Error as Model's constructor does
[[nodiscard]] POSEKIT_API ModelReport inspect_model(const std::filesystem::path& path, const ModelOptions& options = {});

/// Returns the SHA-256 checksum of a model file in hex, as ModelOptions::sha256 takes it.
///
/// It reads the whole file and runs nothing.
///
/// @throws Error io if the file can't be read
[[nodiscard]] POSEKIT_API std::string model_sha256(const std::filesystem::path& path);

/// Returns the report as one JSON object.
///
/// Its keys are path, file_bytes, parameters, parameter_bytes, metadata, origins and notes. Origins
/// say for each key of the metadata where it came from.
[[nodiscard]] POSEKIT_API std::string to_json(const ModelReport& report);

}  // namespace posekit::inline v0
