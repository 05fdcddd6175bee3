/// Options of Python calls as the library's.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "posekit/model.h"

namespace posekit_python {

/// Where metadata comes from: "document", "file" or "preset", and its text, path or name.
using MetadataChoice = std::optional<std::pair<std::string, std::string>>;

/// @throws posekit::Error invalid_argument that lists what a value may be
[[nodiscard]] posekit::ModelOptions model_options(const MetadataChoice& metadata, std::string sha256, std::string device,
                                                  const std::string& precision, const std::string& warm_up);

/// A count that Python gives as any integer.
/// @throws posekit::Error invalid_argument if it is negative
[[nodiscard]] std::size_t count_of(const char* name, std::int64_t value);

}  // namespace posekit_python
