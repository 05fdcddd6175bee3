/// Where a program says that the libraries that run models are.
#pragma once

#include <filesystem>

namespace posekit::inline v0 {

/// What set_backend_folder was last given; empty: nothing. Thread-safe.
[[nodiscard]] std::filesystem::path backend_folder();

}  // namespace posekit::inline v0
