/// Finds and loads the library that runs models: libposekit_torch-2.N.so, one for each minor version of Torch.
#pragma once

#include <filesystem>
#include <string>

#include "backend/backend_entry.h"

namespace posekit::inline v0 {

/// Where the library is looked for, in this order. docs/versioning.md says it to users.
struct BackendSearch {
  std::filesystem::path beside;    ///< The folder of libposekit itself, whose owner is trusted anyway.
  std::filesystem::path given;     ///< By the program; empty: none.
  std::string variable;            ///< POSEKIT_BACKENDS: absolute folders, with a colon between; empty: none.
  std::string loaded_torch_minor;  ///< Of the Torch that the process has loaded, for example "2.13"; empty: none is loaded.
};

/// The search of this process.
[[nodiscard]] BackendSearch backend_search();

/// Loads the library for the Torch that is loaded, or else the one of the newest Torch that can be loaded. It stays until the process ends.
/// @throws Error invalid_argument for a folder that is not absolute; not_found if no library is in the folders; internal that says why none
///         of those that were found can be used
[[nodiscard]] const BackendFunctions& load_backend(const BackendSearch& search);

}  // namespace posekit::inline v0
